"""What a job and the catalog are, and how a job moves."""
