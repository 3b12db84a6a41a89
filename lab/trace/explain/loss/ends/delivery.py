"""What is the matter at the ends: nobody listens, no endpoint, an address that was not rewritten."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lab.map.behind import to_all
from lab.map.services import Service, ServicePort
from lab.network.objects import Listener
from lab.trace.ask import candidates
from lab.trace.ask.exchange import RESET
from lab.trace.explain.balancing import NO_REAL_SERVER
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.ends import stale
from lab.trace.explain.loss.examination import Case
from lab.trace.journey import CAPTURED, KERNEL, QUERIED, REQUEST, Candidate, Mending
from lab.trace.witness.packet import UNREACHABLE

PORT_UNREACHABLE = 3
ANY_ADDRESS = "0.0.0.0"  # noqa: S104  as the kernel lists a socket that listens on all of them
LOOPBACK = ("127.", "0.0.0.0")  # noqa: S104  a program that asks 0.0.0.0 asks itself
NO_ENDPOINTS = "has no endpoints"  # kube-proxy's comment on the rule that refuses
NOT_HERE = "has no endpoint on this node"  # so the design says what such a rule is for
EXTERNAL = "externalTrafficPolicy"
NOT_IN_RANGES = ("its source ranges are ", ": who is not in ")  # likewise, of a load balancer's addresses
EMPTY = "vmap @no-endpoint-"  # and in nftables mode its maps of what to refuse


def left_alone(case: Case) -> Finding | None:
    """A Service that a label hands to another proxy than kube-proxy: here nobody answers for its addresses."""
    service, _ = case.passage.asked or (None, None)
    if service is None or not service.left_to:
        return None
    label = service.left_to.partition("=")[0]
    named = f"service {service.name} -n {service.namespace}"
    why = (
        f"Service {service.full_name} is labelled {service.left_to}: kube-proxy leaves it to another proxy, "
        f"which is not here. `kubectl label {named} {label}-` gives it back."
    )
    return Finding(case.chooser, Cause.NOT_PROXIED, service.left_to, why, stage="service")


def no_endpoints(case: Case) -> Finding | None:
    """A Service that leads nowhere: no pod of it is ready, or it has no such port."""
    exchange, node = case.passage.exchange, case.chooser
    service, port = case.passage.asked or (None, None)
    if service is None or not exchange.dport or case.passage.endpoint != exchange.destination:
        return None
    if port is None:
        ports = ", ".join(f"{one.port}/{one.protocol.lower()}" for one in service.ports)
        why = f"Service {service.full_name} has no port {exchange.dport}/{exchange.protocol}; it has {ports}."
        said = f"Service {service.full_name} port {exchange.dport}"
        return _at(case, Finding(node, Cause.NO_SUCH_PORT, said, why, evidence=QUERIED))
    if port.preferred:
        return None
    known = candidates.without(_known(case, service, port))
    which = f"none of its endpoints is ready: {known}" if known else port.why
    why = f"Service {service.full_name} leads nowhere: {which}."
    named = f'"{service.full_name}'
    refusing = (
        text
        for text in case.rules
        if EMPTY in text or text.endswith(NO_REAL_SERVER) or (NO_ENDPOINTS in text and named in text)
    )
    rule = next(refusing, "")
    evidence = KERNEL if rule else CAPTURED if case.passage.refusal else QUERIED
    said = rule or f"Service {service.full_name}"
    return _at(case, Finding(node, Cause.NO_ENDPOINTS, said, why, evidence=evidence, elsewhere=by_kubectl(port.mends)))


def _at(case: Case, finding: Finding) -> Finding:
    """Ended where it is refused or dropped; a node without a rule for it sends it on, and it ends elsewhere."""
    if not stale.went_on(case, finding.place):
        return replace(finding, stage="service", ended=finding.place)
    address = case.passage.exchange.destination
    why = f"{finding.why} No rule of {finding.place} is for it: it went on as if {address} were any address."
    return replace(finding, why=why)


def no_endpoints_here(case: Case) -> Finding | None:
    """A Service that leads nowhere on this node: under a Local policy the endpoints on others do not count."""
    for hop in case.hops:
        for decision in hop.decisions if hop.direction == REQUEST else ():
            if decision.verdict == "DROP" and NOT_HERE in decision.intent:
                service, port = case.passage.asked or (None, None)
                known = candidates.without(_known(case, service, port)) if service and port else ""
                others = f" It has others: {known}." if known else ""
                why = f"{_sentence(decision.intent)}: {hop.place} drops what is for it.{others}"
                fix = (to_all(service.full_name, EXTERNAL),) if service and EXTERNAL in decision.intent else ()
                found = Finding(hop.place, Cause.NO_ENDPOINTS, decision.text, why, (), KERNEL, "service", hop.place)
                return replace(found, elsewhere=by_kubectl(fix))
    return None


def _known(case: Case, service: Service, port: ServicePort) -> tuple[Candidate, ...]:
    """All endpoints that the Service has, as they are for this request."""
    exchange = case.passage.exchange
    source = case.labmap.by_name[exchange.source]
    return candidates.candidates(case.labmap, source, exchange.destination, service, port, "")


def by_kubectl(commands: Iterable[str]) -> tuple[Mending, ...]:
    """Commands that change objects."""
    return tuple(Mending("", one) for one in commands)


def not_let_in(case: Case) -> Finding | None:
    """A load balancer's source ranges have not the client in them."""
    service, _ = case.passage.asked or (None, None)
    if service is None:
        return None
    for hop in case.hops:
        for decision in hop.decisions if hop.direction == REQUEST else ():
            if decision.verdict.upper() == "DROP" and any(one in decision.intent for one in NOT_IN_RANGES):
                whose = f"the loadBalancerSourceRanges of Service {service.full_name}"
                why = f"{hop.packet.src} is not in {whose}: {hop.place} drops what it sends to {hop.packet.dst}."
                return Finding(
                    hop.place,
                    Cause.FIREWALL_DROP,
                    decision.text,
                    why,
                    evidence=KERNEL,
                    stage="service",
                    ended=hop.place,
                )
    return None


def _sentence(intent: str) -> str:
    """What a rule that drops is there for, as a sentence begins."""
    said = intent.removesuffix(" is dropped").removesuffix(": dropped")
    return f"{said[:1].upper()}{said[1:]}"


def nobody_listens(case: Case) -> Finding | None:
    """A reset or "port unreachable" from the very end, or the end counted a datagram for which there was no socket."""
    passage, end = case.passage, _end(case)
    packet = passage.request[-1].observation.packet if passage.request else None
    if not end or packet is None:
        return None
    refused = any(
        (part.role == RESET or _is_unreachable(part.observation.packet.icmp_type, part.observation.packet.icmp_code))
        and part.observation.capture.place == end
        for part in passage.refusal[:1]
    )
    facts = case.about(end)
    counted = packet.protocol == "udp" and facts.counted.grew("Udp.NoPorts")
    if not refused and not (counted and case.last and case.last.place == end):
        return None
    there = [one for one in facts.answers.listening if one.port == packet.dport]
    if any(one.address in (ANY_ADDRESS, packet.dst) for one in there):
        return None  # somebody does: what was refused is not what it was asked
    bound = [one.text for one in there]
    if bound:
        why = (
            f"Nothing listens on {packet.protocol} port {packet.dport} of {packet.dst}: {end} listens on "
            f"{' and '.join(bound)} only."
        )
        said = f"{packet.protocol} {bound[0]}"
        return Finding(end, Cause.NOBODY_LISTENS, said, why, (), CAPTURED if refused else KERNEL, "deliver", ended=end)
    heard = {(one.protocol, one.port): None for one in facts.answers.listening}
    designed = {(one.protocol, one.port): None for one in facts.every(facts.desired, Listener)}
    listening = [f"{protocol}/{port}" for protocol, port in heard or designed if protocol == packet.protocol]
    instead = f" It listens on {', '.join(listening)}." if listening else ""
    service, port = passage.asked or (None, None)
    asked = port is not None and any(one.port == packet.dport for one in port.endpoints)
    target = (
        f" Service {service.full_name} sends it there: see its targetPort." if service and asked and listening else ""
    )
    place = case.place(end)
    state = f" Its {place.why}." if place is not None and not listening and place.why.startswith("container ") else ""
    why = f"Nothing listens on {packet.protocol} port {packet.dport} in {end}.{instead}{target}{state}"
    said = f"{packet.protocol} port {packet.dport}"
    found = Finding(end, Cause.NOBODY_LISTENS, said, why, (), CAPTURED if refused else KERNEL, "deliver", ended=end)
    return replace(found, elsewhere=by_kubectl(port.mends)) if port and asked else found


def _end(case: Case) -> str:
    """Who should have answered; what is sent to the loopback stays where it is."""
    exchange = case.passage.exchange
    return case.client if exchange.destination.startswith(LOOPBACK) else case.there.end


def _is_unreachable(kind: int, code: int) -> bool:
    return (kind, code) == (UNREACHABLE, PORT_UNREACHABLE)
