"""The verbs of the command line that change the catalog, and submit and read jobs."""
