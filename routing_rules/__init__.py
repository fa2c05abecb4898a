"""Which tag group, which command, which cluster: pure decisions, with their reasons."""
