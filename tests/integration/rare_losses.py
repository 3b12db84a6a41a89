"""Faults that few people make, each of a kind of its own, and what a trace must say of them."""

from __future__ import annotations

from dataclasses import dataclass

SERVICE = ("namespace001/pod-0", "myapp.namespace001", "--via", "pod-3")
POD_3 = ("namespace001/pod-0", "namespace001/pod-3")
SEP = "$(iptables-save -t nat | grep -- '--to-destination 10.244.0.129:8080' | cut -d' ' -f2)"


@dataclass(frozen=True)
class Rare:
    """What is done (place, shell command), who asks what, and what is named: place, cause, parts of the object."""

    name: str
    done: tuple[tuple[str, str], ...]
    asked: tuple[str, ...]
    place: str
    cause: str
    words: tuple[str, ...]
    why: str = ""
    mends: bool = True
    topology: str = "two-subnet"
    options: tuple[str, ...] = ()


NAMES = (
    Rare(
        "no name server: a program asks its own machine",
        (("namespace001/pod-0", ": > /etc/resolv.conf"),),
        SERVICE,
        "namespace001/pod-0",
        "resolver-file",
        ("/etc/resolv.conf names no server",),
        "asks 127.0.0.1 for names",
    ),
    Rare(
        "another name server",
        (("namespace001/pod-0", "echo nameserver 172.16.0.11 > /etc/resolv.conf"),),
        SERVICE,
        "namespace001/pod-0",
        "resolver-file",
        ("/etc/resolv.conf: nameserver 172.16.0.11",),
        "by its design it asks 172.16.0.10",
    ),
    Rare(
        "no search list",
        (("namespace001/pod-0", "echo nameserver 172.16.0.10 > /etc/resolv.conf"),),
        SERVICE,
        "namespace001/pod-0",
        "resolver-file",
        ("/etc/resolv.conf lacks search namespace001.svc.cluster.local",),
    ),
    Rare(
        "a line of the hosts file",
        (("namespace001/pod-0", "echo 127.0.0.1 myapp.namespace001 >> /etc/hosts"),),
        SERVICE,
        "namespace001/pod-0",
        "resolver-file",
        ("/etc/hosts: 127.0.0.1 myapp.namespace001",),
    ),
    Rare(
        "nobody listens on the loopback",
        (),
        ("namespace001/pod-0", "0.0.0.0:81"),
        "namespace001/pod-0",
        "nobody-listens",
        ("tcp port 81",),
        mends=False,
    ),
)
FOREIGN = (
    Rare(
        "a comment that a shell would run",
        (("node-2", 'iptables -I FORWARD -d 10.244.0.129 -m comment --comment "it\'s \\$(id) \\`id\\` end" -j DROP'),),
        POD_3,
        "node-2",
        "firewall-drop",
        ("-A FORWARD -d 10.244.0.129/32", "$(id)"),
    ),
    Rare(
        "the same rule five times",
        (("node-2", "for i in 1 2 3 4 5; do iptables -I FORWARD -d 10.244.0.129 -j DROP; done"),),
        POD_3,
        "node-2",
        "firewall-drop",
        ("-A FORWARD -d 10.244.0.129/32 -j DROP",),
    ),
    Rare(
        "another rule in place of an endpoint's",
        (
            (
                "node-0",
                f"S={SEP}; iptables -t nat -F $S; iptables -t nat -A $S -p tcp -j DNAT --to-destination 10.244.0.77",
            ),
        ),
        (*SERVICE[:2],),
        "node-0",
        "foreign-rule",
        ("-A KUBE-SEP-", "--to-destination 10.244.0.77"),
    ),
)
RARE = (*NAMES, *FOREIGN)
