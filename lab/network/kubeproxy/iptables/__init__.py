"""kube-proxy in iptables mode: a node's chains, and what each Service port adds to them."""
