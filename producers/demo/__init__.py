"""The demo: three jobs on two local clusters, from the catalog to the logs."""
