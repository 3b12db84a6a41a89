"""A client's own files for names, /etc/resolv.conf and /etc/hosts, which send it elsewhere than its design does."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from lab.map.labmap import LabMap
from lab.network.objects import File
from lab.plan.drift import Drift
from lab.trace.ask.target import service_named
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.gathering import drift_told
from lab.trace.journey import DNS, QUERIED, REQUEST, Loss, Mending

RESOLVER, HOSTS = "/etc/resolv.conf", "/etc/hosts"


def misled(case: Case) -> Finding | None:
    """It asks a server that its resolv.conf should not name, or an address that its hosts file should not have."""
    exchange = case.passage.exchange
    if case.direction != REQUEST or exchange.behind:
        return None
    path, word = (RESOLVER, "nameserver ") if exchange.phase == DNS else (HOSTS, f"{exchange.destination}")
    found = _file(case.about(case.client).drifts, path)
    if found is None:
        return None
    wanted, held = found
    if exchange.phase == DNS:
        servers = [
            line.split()[1] for line in wanted.content.splitlines() if line.startswith(word) and line.split()[1:]
        ]
        if not servers or exchange.destination in servers:
            return None
        said = f"{RESOLVER}: nameserver {exchange.destination}"
        if exchange.destination not in held.content:
            said = f"{RESOLVER} names no server"
        why = (
            f"{case.client} asks {exchange.destination} for names, by its {RESOLVER}; by its design it asks "
            f"{' and '.join(servers)} ({wanted.intent})."
        )
        return _finding(case.client, said, why, wanted)
    line = next((one for one in _foreign(wanted, held) if one.split()[:1] == [exchange.destination]), "")
    if not line:
        return None
    why = f"{case.client} takes the name for {exchange.destination} by a line of its {HOSTS} that nobody designed."
    return _finding(case.client, f"{HOSTS}: {line}", why, wanted)


def unresolved(
    loss: Loss,
    labmap: LabMap,
    client: str,
    typed: str,
    differences: Callable[[tuple[str, ...]], Iterable[Mapping[str, Any]]],
) -> Loss:
    """A name that DNS does not know, although the client's resolv.conf, as designed, would have led to a Service."""
    if service_named(labmap, labmap.by_name[client], typed) is None:
        return loss
    found = _file([drift_told(one) for one in differences((client,))], RESOLVER)
    if found is None:
        return loss
    wanted, held = found
    lacks = next((line for line in wanted.content.splitlines() if line not in held.content.splitlines()), "")
    if not lacks:
        return loss
    why = f"{loss.why} Service {typed} is there, but the {RESOLVER} of {client} lacks `{lacks}` ({wanted.intent})."
    told = _finding(client, f"{RESOLVER} lacks {lacks}", why, wanted)
    fix = tuple(Mending(client, line) for line in told.fix)
    return replace(
        loss, cause=str(told.cause), object=told.object, object_place=client, why=why, fix=fix, evidence=QUERIED
    )


def _file(drifts: Iterable[Drift], path: str) -> tuple[File, File] | None:
    """The file as designed, and as it is."""
    name = path.rpartition("/")[2]
    for one in drifts:
        if isinstance(one.wanted, File) and one.wanted.path.endswith(f"/{name}"):
            return one.wanted, one.held if isinstance(one.held, File) else File(one.place, one.wanted.path, "")
    return None


def _foreign(wanted: File, held: File) -> Iterable[str]:
    designed = wanted.content.splitlines()
    return (line for line in held.content.splitlines() if line not in designed)


def _finding(place: str, said: str, why: str, wanted: File) -> Finding:
    path = RESOLVER if wanted.path.endswith("/resolv.conf") else HOSTS
    fix = shlex.join(("sh", "-c", f"cat > {path} <<\\EOF\n{wanted.content}EOF\n"))
    return Finding(place, Cause.RESOLVER_FILE, said, why, (fix,), QUERIED, "resolve")
