"""How places are named: by people, by `ip netns`, and in the folder of their own files."""

from __future__ import annotations

UNDERLAY = "underlay"
"""The sandbox's own namespace, where the subnets' bridges are."""

OWN_FILES = "/etc/netns"
"""Where `ip netns exec` looks for a place's own files; those of a place are in a folder of its namespace's name."""


def netns_name(place: str) -> str:
    """Name of the place's namespace for `ip netns`: a slash cannot stand in a file name ("ns.pod", as Calico hashes
    it).
    """
    return place.replace("/", ".")
