"""The fleet's own API."""
