"""What EMR says of steps and clusters by itself: EventBridge events, taken from SQS."""
