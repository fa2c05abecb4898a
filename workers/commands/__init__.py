"""The verbs of the command line that start parts of the fleet."""
