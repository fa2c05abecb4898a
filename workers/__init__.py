"""The ways through: what moves a job from its message to its end."""
