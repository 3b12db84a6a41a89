"""kube-proxy, one per node: from Services and endpoints to what a node's kernel should hold.

`targets` says what is balanced, `names` what the chains are called, and one module per mode says how it is programmed.
"""
