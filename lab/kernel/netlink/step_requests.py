"""The rtnetlink requests of single steps: what is added to, changed in or taken from a place that has its links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.kernel.netlink.rtnetlink import address, device_settings, interface, ip_rule, neighbour, qdisc, route
from lab.kernel.netlink.transport import Request
from lab.network.objects import Address, FdbEntry, Interface, Neighbour, Qdisc, Route, RoutingRule, Sysctl
from lab.plan import Step


def device_settings_of(steps: Sequence[Step]) -> dict[str, list[tuple[str, str]]]:
    """(setting, value) by device, of those that travel with a link."""
    found: dict[str, list[tuple[str, str]]] = {}
    for step in steps:
        if isinstance(step.object, Sysctl):
            known = device_settings.device_of(step.object.name)
            if known and known[1] != "proxy_delay":
                found.setdefault(known[0], []).append((known[1], step.object.value))
    return found


def additions(step: Step, indexes: dict[str, int]) -> Iterator[Request]:
    """What adds or changes the step's object; nothing for kinds that are no single request."""
    item, changing = step.object, step.action == "change"
    match item:
        case Qdisc():
            if changing:  # made anew: a changed one keeps what it is not told
                yield qdisc.remove(item, indexes)
            yield qdisc.add(item, indexes)
        case Address():
            yield address.add(item, indexes)
        case Route():
            yield route.change(item, indexes) if changing else route.add(item, indexes)
        case RoutingRule():
            yield ip_rule.add(item)
        case Neighbour() | FdbEntry():
            yield neighbour.change(item, indexes) if changing else neighbour.add(item, indexes)
        case Sysctl():
            known = device_settings.device_of(item.name)
            if known and known[1] == "proxy_delay":
                yield device_settings.set_proxy_delay(indexes[known[0]], item.value)


def removals(step: Step, indexes: dict[str, int]) -> Iterator[Request]:
    """What takes the step's object away."""
    match step.object:
        case Interface() as item:
            yield interface.remove(indexes[item.name])
        case Qdisc() as item:
            yield qdisc.remove(item, indexes)
        case Address() as item:
            yield address.remove(item, indexes)
        case Route() as item:
            yield route.remove(item, indexes)
        case RoutingRule() as item:
            yield ip_rule.remove(item)
        case Neighbour() | FdbEntry() as item:
            yield neighbour.remove(item, indexes)
