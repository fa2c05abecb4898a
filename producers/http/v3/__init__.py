"""Genie's REST API, as its clients know it: /api/v3."""
