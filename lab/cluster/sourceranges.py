"""The source ranges of a load balancer as kube-proxy takes them.

Source: kube-proxy since 1.34. Kubernetes' own validation lets spaces stand around a prefix, and bits beyond its length.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network

_ANYBODY = IPv4Network("0.0.0.0/0")


def restricting(written: Iterable[str]) -> tuple[str, ...]:
    """The IPv4 prefixes from which clients are let in; none where all are, as 0.0.0.0/0 among them says.

    What cannot be read as one is passed over: it is IPv6, or a mistake that is told elsewhere.
    """
    found = []
    for text in written:
        try:
            found.append(IPv4Network(text.strip(), strict=False))
        except ValueError:
            continue
    return () if _ANYBODY in found else tuple(map(str, found))
