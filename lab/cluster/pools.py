"""Annotations by which a pod says where its address shall come from: which of Calico's pools, or which it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import AddressValueError, IPv4Address

ANNOTATION = "cni.projectcalico.org/ipv4pools"
ADDRESS = "hoplab.io/address"
"""The address that a pod has in the cluster that its lab is made of."""


def pools_asked(annotations: Mapping[str, str]) -> tuple[str, ...]:
    """The pools in it, as prefixes (pools of a topology have no names); () when it says nothing that can be read."""
    text = annotations.get(ANNOTATION)
    if not text:
        return ()
    try:
        asked = json.loads(text)
    except ValueError:
        return ()
    return tuple(one for one in asked if isinstance(one, str)) if isinstance(asked, list) else ()


def address_asked(annotations: Mapping[str, str]) -> str:
    """The address in it; "" when it says nothing that can be read."""
    text = annotations.get(ADDRESS, "")
    try:
        return str(IPv4Address(text))
    except (AddressValueError, TypeError):
        return ""
