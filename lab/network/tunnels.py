"""What packets between nodes may be wrapped in, by the names that `ip -d link` has for the devices."""

from __future__ import annotations

SEALED = "wireguard"
"""The tunnel into which nobody can look."""
TUNNELS = ("vxlan", "ipip", SEALED)
