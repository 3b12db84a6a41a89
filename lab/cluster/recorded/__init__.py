"""Objects as a running cluster records them, status included, and the Cluster that they are to a node."""
