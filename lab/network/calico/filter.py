"""The filter table of a Calico node: what may enter it, leave it and pass through it.

Source: felix/rules (static chains). Felix leaves out chains that no rule leads to; the failsafe chains, which only host
endpoints lead to, are kept here for those who look for them.
"""

from __future__ import annotations

from lab.network.calico.felix import (
    ACCEPT_MARK,
    ALL_MARKS,
    ChainTemplate,
    Template,
    hashed,
    incoming,
    mark,
    named_protocol,
    outgoing,
    plain,
    protocol,
    set_mark,
    template,
    to_ports,
)
from lab.network.calico.sets import Tunnel
from lab.network.calico.wireguard import PORT as WIREGUARD_PORT
from lab.network.objects import Rule

CIDR_MARKS = "0xe0000"  # all but the accept bit
IPIP = 4
UDP = 17
FAILSAFE_IN = (("tcp", 22), ("udp", 68), *(("tcp", port) for port in (179, 2379, 2380, 5473, 6443, 6666, 6667)))
FAILSAFE_OUT = (
    ("udp", 53),
    ("udp", 67),
    *(("tcp", port) for port in (179, 2379, 2380, 5473, 6443, 6666, 6667)),
)

ACCEPTED = mark(ACCEPT_MARK, ACCEPT_MARK)
FROM_LOCAL = plain("-m addrtype --src-type LOCAL")
HOST_ACCEPTED = "Host endpoint policy accepted packet."
HOST_POLICY = "host endpoint policy: there is none"
EARLIER = "accepted by an earlier table"
_TO_LOCAL = plain("-m addrtype --dst-type LOCAL")


def filter_chains(tunnel: Tunnel) -> tuple[ChainTemplate, ...]:
    """The chains that are the same on every node with this tunnel."""
    return (
        ("filter", "cali-INPUT", _input(tunnel), "what is for the node itself"),
        ("filter", "cali-OUTPUT", _output(tunnel), "what the node itself sends"),
        *_FIXED,
    )


def forward_end() -> tuple[Rule, ...]:
    """What Felix appends to the very end of FORWARD."""
    return hashed(
        "FORWARD*appends*",
        (
            template("-j ACCEPT", ACCEPTED, comment="Policy explicitly accepted packet."),
            template(set_mark(ACCEPT_MARK, ACCEPT_MARK), intent="forwarded traffic, not for host endpoint policy"),
        ),
    )


def _input(tunnel: Tunnel) -> tuple[Template, ...]:
    guard: tuple[Template, ...] = ()
    if tunnel.kind == "ipip":
        known = plain("-m set --match-set cali40all-hosts-net src")
        ipip = protocol(IPIP, "ipencap")
        allow, drop = "Allow IPIP packets from Calico hosts", "Drop IPIP packets from non-Calico hosts"
        guard = (
            template("-j ACCEPT", ipip, known, _TO_LOCAL, comment=allow, intent="IPIP from a known node"),
            template("-j DROP", ipip, comment=drop, intent="IPIP from a stranger"),
        )
    if tunnel.kind == "vxlan":
        known = plain("-m set --match-set cali40all-vxlan-net src")
        vxlan = (protocol(UDP, "udp"), to_ports(tunnel.port))
        allow, drop = "Allow IPv4 VXLAN packets from allowed hosts", "Drop IPv4 VXLAN packets from non-allowed hosts"
        guard = (
            template("-j ACCEPT", *vxlan, known, _TO_LOCAL, comment=allow, intent="VXLAN from a known node"),
            template("-j DROP", *vxlan, _TO_LOCAL, comment=drop, intent="VXLAN from a stranger"),
        )
    if tunnel.wireguard:
        # A stranger's need no rule: the device takes nothing of whom it has no key.
        words = (protocol(UDP, "udp"), to_ports(WIREGUARD_PORT), _TO_LOCAL)
        guard += (template("-j ACCEPT", *words, comment="Allow incoming IPv4 Wireguard packets"),)
    return (
        *guard,
        template("-g cali-wl-to-host", incoming("cali+"), intent="from a pod of this node to the node"),
        template("-j ACCEPT", ACCEPTED, intent=EARLIER),
        template(set_mark("0", ALL_MARKS), intent="clear Calico's marks"),
        template("-j cali-from-host-endpoint", intent=HOST_POLICY),
        template("-j ACCEPT", ACCEPTED, comment=HOST_ACCEPTED),
    )


def _output(tunnel: Tunnel) -> tuple[Template, ...]:
    allow: tuple[Template, ...] = ()
    if tunnel.kind == "ipip":
        known = plain("-m set --match-set cali40all-hosts-net dst")
        comment = "Allow IPIP packets to other Calico hosts"
        allow = (template("-j ACCEPT", protocol(IPIP, "ipencap"), known, FROM_LOCAL, comment=comment),)
    if tunnel.kind == "vxlan":
        known = plain("-m set --match-set cali40all-vxlan-net dst")
        comment = "Allow IPv4 VXLAN packets to other allowed hosts"
        vxlan = (protocol(UDP, "udp"), to_ports(tunnel.port))
        allow = (template("-j ACCEPT", *vxlan, FROM_LOCAL, known, comment=comment, intent="VXLAN to a known node"),)
    if tunnel.wireguard:
        words = (protocol(UDP, "udp"), to_ports(WIREGUARD_PORT), FROM_LOCAL)
        allow += (template("-j ACCEPT", *words, comment="Allow outgoing IPv4 Wireguard packets"),)
    return (
        template("-j ACCEPT", ACCEPTED, intent=EARLIER),
        template("-j RETURN", outgoing("cali+"), intent="the node to one of its pods"),
        *allow,
        template(set_mark("0", ALL_MARKS), intent="clear Calico's marks"),
        template("-j cali-to-host-endpoint", plain("-m conntrack ! --ctstate DNAT"), intent=HOST_POLICY),
        template("-j ACCEPT", ACCEPTED, comment=HOST_ACCEPTED),
    )


def _failsafe(ports: tuple[tuple[str, int], ...]) -> tuple[Template, ...]:
    return tuple(
        template("-j ACCEPT", named_protocol(name), to_ports(port), intent=f"{name} {port} is never shut out")
        for name, port in ports
    )


_FIXED: tuple[ChainTemplate, ...] = (
    (
        "filter",
        "cali-FORWARD",
        (
            template(set_mark("0", CIDR_MARKS), intent="clear Calico's marks"),
            template("-j cali-from-hep-forward", mark("0", ACCEPT_MARK), intent=HOST_POLICY),
            template("-j cali-from-wl-dispatch", incoming("cali+"), intent="from a pod of this node: its egress rules"),
            template("-j cali-to-wl-dispatch", outgoing("cali+"), intent="to a pod of this node: its ingress rules"),
            template("-j cali-to-hep-forward", intent=HOST_POLICY),
            template("-j cali-cidr-block", intent="Service addresses that would loop"),
        ),
        "what the node forwards",
    ),
    ("filter", "cali-cidr-block", (), "Service addresses that would loop"),
    ("filter", "cali-failsafe-in", _failsafe(FAILSAFE_IN), "ports that host endpoint policy never shuts"),
    ("filter", "cali-failsafe-out", _failsafe(FAILSAFE_OUT), "ports that host endpoint policy never shuts"),
    ("filter", "cali-from-hep-forward", (), HOST_POLICY),
    ("filter", "cali-from-host-endpoint", (), HOST_POLICY),
    ("filter", "cali-to-hep-forward", (), HOST_POLICY),
    ("filter", "cali-to-host-endpoint", (), HOST_POLICY),
    (
        "filter",
        "cali-wl-to-host",
        (
            template("-j cali-from-wl-dispatch", intent="the pod's egress rules"),
            template("-j ACCEPT", comment="Configured DefaultEndpointToHostAction"),
        ),
        "from a pod to its node",
    ),
)
