"""The lab's folder: topology.yaml and the files beside it, checked as `up` will read them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lab.agent.design.blueprint import read_file
from lab.errors import FileError
from lab.exchange.importing.collection.notes import NOTHING, Notes
from lab.exchange.importing.manifests import Manifest
from lab.exchange.importing.surroundings.blocks import Blocks
from lab.exchange.importing.surroundings.network import Network
from lab.exchange.importing.surroundings.underlay import Placed
from lab.topology.yaml.text import MAX_CHARACTERS

TOPOLOGY = "topology.yaml"
_ROUNDS = 30
SUFFIXES = {
    "rulesFile": "iptables",
    "setsFile": "ipset",
    "routesFile": "routes",
    "policyRulesFile": "rules",
    "neighboursFile": "neigh",
    "fdbFile": "fdb",
    "sysctlFile": "sysctl",
}
_FIREWALL = ("rulesFile", "setsFile")


@dataclass(slots=True)
class Draft:
    """What the topology is to say. `files` are of each node, by the field that names them."""

    name: str
    subnets: dict[str, str]
    nodes: tuple[Placed, ...]
    network: Network
    blocks: Blocks
    services: str
    proxy: str
    domain: str = "cluster.local"
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    manifests: list[Manifest] = field(default_factory=list)

    @property
    def texts(self) -> dict[str, str]:
        """The files beside the topology, by their names."""
        return {
            f"nodes/{node}.{SUFFIXES[name]}": text for node, own in self.files.items() for name, text in own.items()
        }

    def topology(self, documents: Iterable[Manifest]) -> str:
        """The text of topology.yaml with these documents."""
        return "".join((*self._head(), *(f"---\n{one.text}" for one in documents)))

    def _head(self) -> Iterator[str]:
        yield "# Made by import of what a cluster said of itself.\n"
        yield f"apiVersion: hoplab/v1\nkind: Topology\nmetadata: {{name: {self.name}}}\nspec:\n  subnets:\n"
        yield from (f"    - {_flow({'name': name, 'cidr': cidr})}\n" for name, cidr in self.subnets.items())
        yield "  nodes:\n"
        for one in self.nodes:
            told: dict[str, object] = {"name": one.name, "subnet": one.subnet, "address": one.address}
            if one.node.zone:
                told["zone"] = one.node.zone
            if blocks := self.blocks.get(one.node.name):
                told["podCIDRs"] = [str(block) for block in blocks]
            yield f"    - {_flow(told)}\n"
        yield f"  cni: {_flow(self._cni())}\n"
        yield f"  services: {_flow({'cidr': self.services, 'proxy': self.proxy})}\n"
        if self.domain != "cluster.local":
            yield f"  dns: {_flow({'domain': self.domain})}\n"
        if self.network.underlay_mtu != 1500:
            yield f"  underlayMTU: {self.network.underlay_mtu}\n"
        for title, names in (("firewalls", _FIREWALL), ("machines", (*SUFFIXES.keys() - {*_FIREWALL},))):
            rows = {
                node: [name for name in SUFFIXES if name in names and name in own] for node, own in self.files.items()
            }
            if any(rows.values()):
                yield f"  {title}:\n"
            for node, fields in rows.items():
                if fields:
                    files = {name: f"nodes/{node}.{SUFFIXES[name]}" for name in fields}
                    yield f"    - {_flow({'on': node, **files})}\n"

    def _cni(self) -> dict[str, object]:
        network = self.network
        told: dict[str, object] = {"plugin": network.plugin}
        if network.pools:
            told["ipPools"] = [
                {"cidr": pool.cidr, "encapsulation": pool.encapsulation, "natOutgoing": pool.nat}
                for pool in network.pools
            ]
        else:
            told |= {"encapsulation": network.encapsulation, "podCIDR": network.pod_cidr}
            told |= {} if network.nat else {"natOutgoing": False}
        return {**told, **network.tunnel, **({"mtu": network.mtu} if network.mtu else {})}


def _flow(value: object) -> str:
    """YAML on one line, with words bare where nothing needs quotes."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_flow(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    bare = isinstance(value, str) and _BARE.fullmatch(value) and value not in _WORDS
    return value if bare and isinstance(value, str) else json.dumps(value)


_BARE = re.compile(r"[A-Za-z][-A-Za-z0-9./]*|\d+\.\d+\.\d+\.\d+(?:/\d+)?")
_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
"""What YAML takes for something else than text."""


def checked(draft: Draft, notes: Notes) -> str:
    """The text of topology.yaml, which `up` will read without a mistake: lines and objects that the lab cannot hold are
    taken out, with a note. FileError for a mistake in what everything stands on.
    """
    _check(draft, [], notes)
    if len(text := draft.topology(draft.manifests)) > MAX_CHARACTERS:
        notes.add(
            f"{TOPOLOGY} has {len(text) >> 20} MiB, more than `up` reads: import again with --around "
            "NAMESPACE/SERVICE, or some nodes with --only"
        )
        return text
    return _check(draft, draft.manifests, notes)


def _check(draft: Draft, documents: list[Manifest], notes: Notes) -> str:
    left = _ROUNDS
    while True:
        text, files, left = draft.topology(documents), draft.texts, left - 1
        try:
            read_file(text, TOPOLOGY, (), beside=files.__getitem__)
        except FileError as error:
            if not (left and _mended(error, draft, documents, notes)):
                raise FileError(error.mistakes, NOTHING) from None
        else:
            return text


def _mended(error: FileError, draft: Draft, documents: list[Manifest], notes: Notes) -> bool:
    """Whether something was taken out."""
    names = {f"nodes/{node}.{SUFFIXES[name]}": (node, name) for node, own in draft.files.items() for name in own}
    starts = _starts(draft, documents)
    gone: set[int] = set()
    done = False
    for mistake in error.mistakes:
        if mistake.file in names:
            node, name = names[mistake.file]
            done |= _comment_out(draft.files[node], name, mistake.line)
            notes.add(
                f"{mistake.file}:{mistake.line}: {mistake.problem}: left out", f"lines left out of {mistake.file}"
            )
        elif starts and mistake.line >= starts[0]:
            at = max(index for index, start in enumerate(starts) if start <= mistake.line)
            if at not in gone:
                gone.add(at)
                notes.add(f"{documents[at].named} is left out: {mistake.field}: {mistake.problem}", "objects left out")
    documents[:] = [one for index, one in enumerate(documents) if index not in gone]
    return done or bool(gone)


def _starts(draft: Draft, documents: list[Manifest]) -> list[int]:
    """The line in which each document begins."""
    line = draft.topology(()).count("\n") + 2
    found = []
    for one in documents:
        found.append(line)
        line += one.text.count("\n") + 1
    return found


def _comment_out(own: dict[str, str], name: str, line: int) -> bool:
    """A line of a file, or all of it when that has been tried."""
    lines = own[name].split("\n")
    if not 1 <= line <= len(lines) or lines[line - 1].startswith("#"):
        del own[name]
        return True
    lines[line - 1] = f"# {lines[line - 1]}"
    own[name] = "\n".join(lines)
    return True
