"""Everything on one machine: what `tagfleet up` starts beside the workers."""
