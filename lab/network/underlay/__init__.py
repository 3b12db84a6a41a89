"""The network under the cluster: subnets, routers, gateway and internet, and what a topology's author puts upon it."""
