"""IPVS of the node that chooses is not as kube-proxy made it, or has what a kube-proxy in ipvs mode left behind."""

from __future__ import annotations

from collections.abc import Iterator

from lab.network.objects import Address, Interface, RealServer, VirtualServer
from lab.plan.drift import Drift
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.printed import printed
from lab.trace.journey import QUERIED, REQUEST

DEVICE = "kube-ipvs0"


def differs(case: Case) -> Finding | None:
    """The virtual server that was asked, its real servers, or the address on kube-ipvs0 that brings packets to it."""
    if case.direction != REQUEST or case.passage.asked is None:
        return None
    drifts = list(_about(case))
    for one in drifts:
        if isinstance(one.wanted, VirtualServer) and one.held is None:
            whole = (*one.mends, *(line for other in drifts if other is not one for line in other.mends))
            why = f"{one.place} has no virtual server for {_asked(case)}: nothing turns that into a pod's address."
            return _found(one, Cause.NO_VIRTUAL_SERVER, printed(one.wanted), why, whole)
    if not case.untranslated:
        return None
    address = next((one for one in case.about(case.chooser).drifts if _is_address(case, one)), None)
    if address is not None and address.wanted is not None:
        why = (
            f"{case.chooser} does not have {case.passage.exchange.destination} on {DEVICE}, so what is sent there is "
            "not the node's own, and does not come to its IPVS."
        )
        mends = tuple(_all_of_device(case, address))
        return _found(address, Cause.ADDRESS_MISSING, printed(address.wanted), why, mends)
    real = [one for one in drifts if isinstance(one.wanted, RealServer)]
    if not real:
        return None
    resting = [one for one in real if isinstance(one.held, RealServer) and not one.held.weight]
    first = (resting or real)[0]
    assert first.wanted is not None
    state = f"{len(resting)} with weight 0, which get no new connections" if resting else f"lacks {len(real)} of them"
    why = f"The virtual server for {_asked(case)} on {case.chooser} has no real server to choose: {state}."
    mends = tuple(line for one in real for line in one.mends)
    return _found(first, Cause.NO_REAL_SERVER, printed(first.held or first.wanted), why, mends)


def left_over(case: Case) -> Finding | None:
    """No Service has the address, and a node still has it, of a kube-proxy that ran in ipvs mode."""
    if case.direction != REQUEST or case.passage.asked is not None:
        return None
    facts, address = case.about(case.chooser), case.passage.exchange.destination
    device = next((one for one in facts.drifts if one.key[0] == "link" and one.key[-1] == DEVICE), None)
    if device is None or device.wanted is not None:
        return None
    for item in facts.every(facts.held, Address):
        if item.device == DEVICE and item.address.partition("/")[0] == address:
            why = (
                f"No Service has {address}, and {case.chooser} still has it on {DEVICE}: a kube-proxy that ran in ipvs "
                "mode left it behind. What is sent there stays on the node."
            )
            return _found(device, Cause.STALE_RULES, printed(item), why, device.mends)
    return None


def _about(case: Case) -> Iterator[Drift]:
    """What differs of the virtual server that was asked, and of its real servers."""
    exchange = case.passage.exchange
    asked = (exchange.protocol, exchange.destination, exchange.dport)
    for one in case.about(case.chooser).drifts:
        item = one.wanted or one.held
        if isinstance(item, VirtualServer | RealServer) and (item.protocol, item.address, item.port) == asked:
            yield one


def _is_address(case: Case, one: Drift) -> bool:
    item = one.wanted or one.held
    if not isinstance(item, Address) or item.device != DEVICE:
        return False
    return item.address.partition("/")[0] == case.passage.exchange.destination


def _all_of_device(case: Case, address: Drift) -> Iterator[str]:
    """What brings the address back; where the device is gone, that and all that was on it."""
    drifts = case.about(address.place).drifts
    device = next((one for one in drifts if isinstance(one.wanted, Interface) and one.wanted.name == DEVICE), None)
    if device is None:
        yield from address.mends
        return
    yield from device.mends
    for one in drifts:
        if isinstance(one.wanted, Address) and one.wanted.device == DEVICE:
            yield from one.mends


def _asked(case: Case) -> str:
    exchange = case.passage.exchange
    service, _ = case.passage.asked or (None, None)
    of = f" of Service {service.full_name}" if service is not None else ""
    return f"{exchange.protocol.upper()} {exchange.destination}:{exchange.dport}{of}"


def _found(one: Drift, cause: Cause, said: str, why: str, mends: tuple[str, ...]) -> Finding:
    return Finding(one.place, cause, said, why, mends, QUERIED, "service", one.place)
