"""What the kernel answers when it is asked afterwards: the route, neighbour, FDB entry and bridge port of each hop.

One netlink socket per place; nothing is changed. An answer is evidence of how the place is now, not of what happened:
it is compared with what was captured, and a difference is said.
"""
