"""The fleet's own API: what Genie lacks."""
