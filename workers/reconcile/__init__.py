"""One pass over one cluster: what MongoDB wants, compared with what the cluster has."""
