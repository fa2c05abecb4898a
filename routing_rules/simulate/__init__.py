"""Replays past jobs under other rules or another catalog: what would move, find nothing, wait."""
