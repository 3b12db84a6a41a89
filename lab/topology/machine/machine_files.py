"""The machines of a topology with what their files say: read, judged, and what is left out told."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from lab.errors import Mistake
from lab.topology.consistency import MAX_MACHINES, cables
from lab.topology.machine.devices import devices
from lab.topology.machine.dump import Dump, Kind, read_dump
from lab.topology.machine.entries import SavedEntry, SavedNeighbour, forwarding, neighbours
from lab.topology.machine.policy_rule import policy_rules
from lab.topology.machine.route import SavedRoute, routes
from lab.topology.machine.sysctl_lines import SavedSetting, settings
from lab.topology.real_machines import Machine, Saved, Written
from lab.topology.schema import Spec
from lab.topology.yaml.document import Document, Path, shown

ReadFile = Callable[[str], str]
T = TypeVar("T")


@dataclass(slots=True)
class LoadedMachines:
    """The machines, whole, and what is to be said of them."""

    machines: list[Machine] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def load_machines(spec: Spec, document: Document, read_file: ReadFile) -> LoadedMachines:
    """All machines of a complete spec, which stands in `document`; `read_file` raises OSError when it cannot."""
    found = LoadedMachines()
    ends = cables(spec)
    for index, machine in enumerate(spec.machines[:MAX_MACHINES]):
        reader = _Reader(document, ("spec", "machines", index), read_file, found)
        there = devices(spec, machine.on, ends.get(machine.on, ()))
        rules = reader.read("policyRulesFile", machine.policy_rules_file, policy_rules(there))
        saved = Saved(
            _once(reader.read("routesFile", machine.routes_file, routes(there)), _route_key, found),
            tuple({one.value: Written(one.value, one.file, one.line) for one in rules if one.value}.values()),
            _once(reader.read("neighboursFile", machine.neighbours_file, neighbours(there)), _neighbour_key, found),
            _once(reader.read("fdbFile", machine.fdb_file, forwarding(there)), _entry_key, found),
            _once(reader.read("sysctlFile", machine.sysctl_file, settings(there)), _setting_key, found),
        )
        found.machines.append(machine.loaded(saved))
    return found


@dataclass(frozen=True, slots=True)
class _Reader:
    document: Document
    at: Path
    read_file: ReadFile
    found: LoadedMachines

    def read(self, name: str, file: str | None, kind: Kind[T]) -> list[Written[T]]:
        """What the file in this field says; mistakes and warnings go to `found`."""
        if file is None:
            return []
        try:
            text = self.read_file(file)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not text"
            problem = f"{shown(file)} cannot be read: {reason.lower()}"
            self.found.mistakes.append(
                self.document.mistake((*self.at, name), problem, "the path is relative to this file")
            )
            return []
        dump: Dump[T] = read_dump(text, file, kind)
        self.found.mistakes += dump.mistakes
        self.found.warnings += dump.warnings()
        return [Written(value, file, line) for line, value in dump.items]


def _route_key(one: SavedRoute) -> tuple[Hashable, str]:
    table = f" of table {one.table}" if one.table else ""
    metric = f" with metric {one.metric}" if one.metric else ""
    return one.key, f"a route to {one.destination}{table}{metric}"


def _neighbour_key(one: SavedNeighbour) -> tuple[Hashable, str]:
    return one.key, f"a neighbour {one.address} behind {one.device}"


def _entry_key(one: SavedEntry) -> tuple[Hashable, str]:
    return one.key, f"another end for {one.mac} of {one.device} (several cannot be held)"


def _setting_key(one: SavedSetting) -> tuple[Hashable, str]:
    return one.name, f"another value of {one.name}"


def _once(
    written: Iterable[Written[T]], key: Callable[[T], tuple[Hashable, str]], found: LoadedMachines
) -> tuple[Written[T], ...]:
    """Each key once. Whoever says the same twice says it; another thing under the same key is a mistake."""
    kept: dict[Hashable, Written[T]] = {}
    for one in written:
        it, what = key(one.value)
        before = kept.setdefault(it, one)
        if before.value != one.value:
            problem = f"{what} stands in line {before.line} already"
            found.mistakes.append(Mistake(one.file, one.line, 1, "", problem, "keep one of the two"))
    return tuple(kept.values())
