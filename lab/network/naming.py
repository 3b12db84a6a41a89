"""Names and hardware addresses of devices: the same for the same lab every time, and as Calico makes its own."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha1

LONGEST = 15  # IFNAMSIZ without the final zero
MOST_NAMES = 1 << 11  # each is asked for several times in a row; a lab that lives long has had many


@lru_cache(MOST_NAMES)
def device_name(name: str) -> str:
    """The name itself, or its beginning and a hash when the kernel would not take it."""
    if len(name) <= LONGEST:
        return name
    return f"{name[:8]}-{_sha1(name)[:6]}"


def port_name(place: str, device: str) -> str:
    """The underlay's end of a place's cable: `node-0.eth0`. The dot keeps it apart from every subnet's bridge."""
    name = f"{place}.{device}"
    return name if len(name) <= LONGEST else f"{_sha1(name)[:10]}.{device}"[-LONGEST:]


def mac(*parts: str) -> str:
    """A locally administered unicast address that belongs to these names alone."""
    return _colons("02", _sha1("/".join(parts)))


def calico_tunnel_mac(node: str) -> str:
    """The vxlan.calico address of a node: 66, then the first five bytes of its name's SHA-1 (Felix)."""
    return _colons("66", _sha1(node))


@lru_cache(MOST_NAMES)
def calico_device(namespace: str, pod: str) -> str:
    """The node's end of a pod's veth: `cali` and eleven digits of SHA-1 of "namespace.pod" (libcalico)."""
    return f"cali{_sha1(f'{namespace}.{pod}')[:11]}"


@lru_cache(MOST_NAMES)
def bridge_device(namespace: str, pod: str) -> str:
    """The node's end of a pod's veth behind cni0: `veth` and eight digits, as the bridge plugin's random ones look."""
    return f"veth{_sha1(f'{namespace}.{pod}')[:8]}"


def _sha1(text: str) -> str:
    return sha1(text.encode(), usedforsecurity=False).hexdigest()


def _colons(first: str, digits: str) -> str:
    return f"{first}:{digits[0:2]}:{digits[2:4]}:{digits[4:6]}:{digits[6:8]}:{digits[8:10]}"
