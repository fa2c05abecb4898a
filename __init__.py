"""tagfleet: a message-queue worker fleet for big-data jobs."""

__version__ = "0.1.0"
