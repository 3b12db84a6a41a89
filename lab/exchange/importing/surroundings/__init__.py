"""What a cluster is like, from all of that: nodes, subnets, network plugin, ranges of addresses and their owners."""
