"""What is the matter with an address of the Services' range: nobody has it, or nothing answers there but its ports."""

from __future__ import annotations

from lab.trace.ask.candidates import choosing_node
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.journey import REQUEST


def no_such_service(case: Case) -> Finding | None:
    """The address is one that Services are given, and none has it now."""
    address, labmap = case.passage.exchange.destination, case.labmap
    if case.direction != REQUEST or not labmap.could_be_a_services(address):
        return None
    had = case.facts.had.get(address, "")
    before = f" {had}." if had else ""
    why = f"{address} is in the Services' range {labmap.service_cidr}, and no Service has it.{before}"
    return Finding(case.chooser, Cause.NO_SUCH_SERVICE, address, why, stage="service")


def answers_no_ping(case: Case) -> Finding | None:
    """A Service's address is nobody's: kube-proxy's rules take what is for its ports, and nothing else."""
    exchange = case.passage.exchange
    service, _ = case.passage.asked or (None, None)
    if service is None or exchange.protocol != "icmp" or exchange.destination in case.labmap.owners:
        return None
    ports = ", ".join(f"{one.port}/{one.protocol.lower()}" for one in service.ports)
    why = (
        f"{exchange.destination} is an address of Service {service.full_name}, and answers only on the Service's "
        f"ports: {ports or 'it has none'}. Nobody answers an ICMP echo there."
    )
    return Finding(case.chooser, Cause.NO_SUCH_PORT, f"Service {service.full_name}", why, stage="service")


def known_to_nodes_only(case: Case) -> Finding | None:
    """A ClusterIP lives in the rules of nodes: who asks from elsewhere, and by no node, asks for what is nowhere."""
    exchange, labmap = case.passage.exchange, case.labmap
    service, _ = case.passage.asked or (None, None)
    source = labmap.by_name.get(exchange.source)
    if service is None or source is None or exchange.destination != service.cluster_ip:
        return None
    if choosing_node(labmap, source, exchange.destination) or not case.untranslated:
        return None
    why = (
        f"{exchange.destination} of Service {service.full_name} exists in the rules of nodes only, which turn it into "
        f"a pod's address. {source.name} is none, and no node is on the way: ask a node port or a load balancer's "
        f"address."
    )
    return Finding(source.name, Cause.NO_SUCH_SERVICE, exchange.destination, why)
