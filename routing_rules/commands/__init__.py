"""`tagfleet rules`: each of its commands is a module."""
