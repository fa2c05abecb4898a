"""Reads the rule files: grammar, references, places, and what is odd about them."""
