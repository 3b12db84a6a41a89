"""Losses by where packets are sent: routes, forwarding, time to live, addresses that nobody or two have, neighbours."""
