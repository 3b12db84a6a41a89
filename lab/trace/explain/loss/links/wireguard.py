"""What keeps two nodes' WireGuard devices from speaking to each other: their keys, ports, and whom they know.

Who does not know a key, or is not known by the one that was sent, says nothing: the handshake just has no answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.map.path import OUT
from lab.network.objects import WireguardDevice, WireguardPeer
from lab.network.tunnels import SEALED
from lab.trace.explain.loss import remedies
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.facts import PlaceFacts
from lab.trace.journey import QUERIED

NEVER = 1 << 63


def estranged(case: Case) -> Finding | None:
    """One of the two ends is not as the design has it, and that concerns the other one."""
    sender, receiver = _ends(case)
    for place, other in ((receiver, sender), (sender, receiver)):
        if place and other:
            own = next(_own_side(case.about(place)), None)
            if own is not None:
                return own
    for place, other in ((sender, receiver), (receiver, sender)):
        if place and other:
            found = _peer(case, place, other)
            if found is not None:
                return found
    return None


def forgotten(case: Case) -> Finding | None:
    """The receiver has lost the session by which the sender still encrypts: its peer was made anew meanwhile, say."""
    sender, receiver = _ends(case)
    last = case.last
    if last is None or (last.place, last.tunnel) != (receiver, SEALED) or not sender:
        return None
    there, back = _known(case, sender, receiver), _known(case, receiver, sender)
    if there is None or back is None:
        return None
    spoke = case.about(sender).answers.handshake(there.public_key)
    heard = case.about(receiver).answers.handshake(back.public_key)
    if not spoke or spoke - 1 <= heard <= _encrypted(case, sender):
        return None
    why = (
        f"{receiver} has no session with {sender} any more, and cannot read what {sender} still encrypts for the old "
        f"one. WireGuard begins a new one when {sender} has had no answer for 15 seconds."
    )
    fix = (*remedies.mended("remove", there), *remedies.mended("add", there))
    said = f"{there.device} peer {there.public_key} latest-handshake"
    return Finding(sender, Cause.WIREGUARD_SESSION, said, why, fix, QUERIED, "decapsulate", ended=receiver)


def _encrypted(case: Case, sender: str) -> int:
    """When the request first left encrypted, in seconds since 1970. Who has had a handshake since then may have read
    nothing of that: WireGuard begins a new session while a trace is waiting.
    """
    sent = (
        hop.t_ns
        for hop in case.hops
        if (hop.place, hop.direction, hop.way) == (sender, case.direction, OUT)
        and hop.packet.outer is not None
        and hop.packet.outer.kind == SEALED
        and not hop.packet.outer.handshake
    )
    return min(sent, default=NEVER) // 1_000_000_000


def _known(case: Case, place: str, other: str) -> WireguardPeer | None:
    """What the design has a node know of the other one."""
    facts, remote = case.about(place), case.place(other)
    own = facts.every(facts.desired, WireguardPeer)
    return next((one for one in own if remote is not None and one.endpoint.startswith(f"{remote.address}:")), None)


def _ends(case: Case) -> tuple[str, str]:
    """The nodes between which the packet should go encrypted: who encrypts it, and who decrypts it."""
    found = {True: "", False: ""}
    for one in (*case.path.crossings, *case.seen):
        link = case.link(one.place, one.interface)
        if link is not None and link.kind == SEALED and not one.tunnel:
            found[one.way == OUT] = found[one.way == OUT] or one.place
    return found[True], found[False]


def _own_side(facts: PlaceFacts) -> Iterator[Finding]:
    """A device's own key or port, or the mark by which its packets do not go into it again."""
    for wanted in facts.every(facts.desired, WireguardDevice):
        held = facts.held.by_key.get(wanted.key)
        if not isinstance(held, WireguardDevice) or held == wanted:
            continue
        fix = remedies.mended("change", wanted)
        place, device = facts.place, wanted.device
        if held.private_key != wanted.private_key:
            has = "another private key than the one" if held.private_key else "no private key; there is one"
            why = f"{device} of {place} has {has} whose public half the other nodes know: no handshake succeeds."
            yield Finding(place, Cause.WIREGUARD_KEY, f"{device} private-key", why, fix, QUERIED, "decapsulate")
        elif held.port != wanted.port:
            why = f"{device} of {place} listens on UDP port {held.port}; the others send to {wanted.port}."
            said = f"{device} listen-port {held.port}"
            yield Finding(place, Cause.PORT_MISMATCH, said, why, fix, QUERIED, "decapsulate")
        else:
            why = (
                f"{device} of {place} marks what it sends with {held.mark:#x}, not with {wanted.mark:#x}: the ip rule "
                "that keeps its own packets out of it does not know them."
            )
            said = f"{device} fwmark {held.mark:#x}"
            yield Finding(place, Cause.WIREGUARD_PEER, said, why, fix, QUERIED, "encapsulate")


def _peer(case: Case, place: str, other: str) -> Finding | None:
    """What a node knows of the other one."""
    facts, wanted = case.about(place), _known(case, place, other)
    if wanted is None or facts.held.by_key.get(wanted.key) == wanted:
        return None
    held = facts.held.by_key.get(wanted.key)
    stage = "encapsulate" if (place, other) == _ends(case) else "decapsulate"
    if not isinstance(held, WireguardPeer):
        return _unknown(facts, wanted, other, stage)
    fix = remedies.mended("change", wanted)
    if held.preshared != wanted.preshared:
        why = f"{place} has a preshared key for {other}, which {other} has not for it: no handshake succeeds."
        said = f"{held.device} peer {held.public_key} preshared-key (hidden)"
        return Finding(place, Cause.WIREGUARD_KEY, said, why, fix, QUERIED, stage)
    if held.endpoint != wanted.endpoint:
        why = f"{place} sends what is for {other} to {held.endpoint or 'nowhere'}, not to {wanted.endpoint}."
        said = f"{held.device} peer {held.public_key} endpoint {held.endpoint or '(none)'}"
    else:
        has, is_ = ", ".join(held.allowed) or "none", ", ".join(wanted.allowed)
        why = (
            f"{place} lets {other} have and send the addresses {has}, not {is_}: what is for others of them, or comes "
            "from there, is dropped."
        )
        said = f"{held.device} peer {held.public_key} allowed-ips {','.join(held.allowed) or '(none)'}"
    return Finding(place, Cause.WIREGUARD_PEER, said, why, fix, QUERIED, stage)


def _unknown(facts: PlaceFacts, wanted: WireguardPeer, other: str, stage: str) -> Finding:
    """It knows nobody by the other's key; somebody else may stand where it should."""
    place, designed = facts.place, facts.desired.by_key
    instead = next(
        (
            one
            for one in facts.every(facts.held, WireguardPeer)
            if one.key not in designed and (one.endpoint == wanted.endpoint or set(one.allowed) & set(wanted.allowed))
        ),
        None,
    )
    if instead is None:
        why = f"{place} does not know {other}: {wanted.device} has no peer with its key."
        fix = remedies.mended("add", wanted)
        return Finding(place, Cause.WIREGUARD_PEER, _named(wanted), why, fix, QUERIED, stage)
    why = f"{place} knows {other} by another key than it has: {other} cannot read what is encrypted for that one."
    fix = (*remedies.mended("remove", instead), *remedies.mended("add", wanted))
    return Finding(place, Cause.WIREGUARD_KEY, _named(instead), why, fix, QUERIED, stage)


def _named(item: WireguardPeer) -> str:
    return f"{item.device} peer {item.public_key}"
