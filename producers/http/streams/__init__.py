"""Answers that go on: what changes is told as it changes."""
