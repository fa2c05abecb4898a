"""An SQS of standard queues, as far as consumers of EMR's events need it."""
