"""The ways in: what publishes and submits jobs."""
