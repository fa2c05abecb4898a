"""Tests of rule files: cases, and what is expected of the decision about each."""
