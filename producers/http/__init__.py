"""The fleet's front door: Genie's REST API, our own, health and metrics, over HTTP."""
