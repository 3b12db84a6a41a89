"""The version of kube-proxy whose rules these are, in iptables and in nftables mode.

`./inv test --parity` compares them with the real one's, line by line.
"""

VERSION = "1.37"
