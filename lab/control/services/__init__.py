"""What Services are given and made of: addresses, the pods that they select, the slices of their endpoints."""
