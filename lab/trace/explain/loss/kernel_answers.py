"""What the kernel of a place answers about one packet: how it would route it, and what else stands in its way there."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab.kernel.netlink.conntrack_entry import Event
from lab.network.objects import Address, Route
from lab.network.objects.policy_rule import PolicyRule
from lab.trace.explain.queries.bridge_entry import BridgeEntry
from lab.trace.explain.queries.bridge_port import BridgePort
from lab.trace.explain.queries.hook import HookChain
from lab.trace.explain.queries.listening_sockets import Listening
from lab.trace.explain.queries.route import Answer, Lookup
from lab.trace.explain.queries.transform import TransformPolicy
from lab.trace.witness.tc import Queueing


@dataclass(frozen=True, slots=True)
class Asked:
    """A way that was asked for, and the answer. `wrapped`: it is the tunnel's packet that is routed."""

    lookup: Lookup
    answer: Answer
    wrapped: bool = False


@dataclass(frozen=True, slots=True)
class Answers:
    """Of one place.

    `addresses` are all that it holds, the loopback's too. `flows` is what connection tracking remembers of this very
    packet, `begun` what it told while the packet went by. `queues` are the numbers of NFQUEUE that some program reads,
    `redirects` chain and text of the rules that may have sent it back to the place itself. `mute` are the interfaces
    that do not speak ARP, `down` those that are not up, `unruled` the kernel's own `ip rule`s that are gone,
    `entries` what its bridges were told by hand, `handshakes` when its WireGuard last had one with whom (public key;
    seconds since 1970, 0 for never).
    """

    asked: tuple[Asked, ...] = ()
    policy_rules: tuple[PolicyRule, ...] = ()
    tables: tuple[Route, ...] = ()
    addresses: tuple[Address, ...] = ()
    listening: tuple[Listening, ...] = ()
    ports: tuple[BridgePort, ...] = ()
    hooks: tuple[HookChain, ...] = ()
    queueing: Queueing = field(default_factory=Queueing)
    transforms: tuple[TransformPolicy, ...] = ()
    flows: tuple[Event, ...] = ()
    begun: tuple[Event, ...] = ()
    queues: frozenset[int] = frozenset()
    redirects: tuple[tuple[str, str], ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    mute: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    unruled: tuple[PolicyRule, ...] = ()
    entries: tuple[BridgeEntry, ...] = ()
    handshakes: tuple[tuple[str, int], ...] = ()

    def handshake(self, public_key: str) -> int:
        """When it last had one with that peer; 0 for never."""
        return dict(self.handshakes).get(public_key, 0)

    def holds(self, address: str) -> Address | None:
        """Its own address of that number."""
        return next((one for one in self.addresses if one.address.partition("/")[0] == address), None)

    def port(self, device: str) -> BridgePort | None:
        return next((one for one in self.ports if one.device == device), None)

    def setting(self, name: str) -> str:
        """A sysctl's value; "" for one that was not asked or does not exist."""
        return dict(self.settings).get(name, "")
