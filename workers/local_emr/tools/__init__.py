"""Programs that a step finds first on its PATH, in place of a cluster's own."""
