"""kube-proxy in nftables mode: its one table, and what each Service port adds to it."""
