"""Losses on the way from one interface to the next: devices, bridges, sizes, queues, tunnels."""
