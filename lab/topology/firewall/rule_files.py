"""The firewalls of a topology with what their files hold: read, judged, and what is left out told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from lab.errors import Mistake
from lab.topology.consistency import MAX_FIREWALLS
from lab.topology.firewall.chain_owners import Household, household
from lab.topology.firewall.ipset_save import SavedSet, read_sets
from lab.topology.firewall.iptables_rule import FirewallRule, RuleError, parse_rule, unknown_chains
from lab.topology.firewall.iptables_save import MAX_MISTAKES, Saved, read_saved
from lab.topology.schema import Spec
from lab.topology.wires import Firewall
from lab.topology.yaml.document import Document, Path, shown

ReadFile = Callable[[str], str]
RULES_FILE, SETS_FILE = "rulesFile", "setsFile"


@dataclass(slots=True)
class LoadedFirewalls:
    """The firewalls, whole, and what is to be said of them."""

    firewalls: list[Firewall] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Line:
    """A rule as it is written, and where: in the topology, or in the rules file."""

    text: str
    file: str
    number: int
    path: Path
    """in the topology; () for a line of the rules file"""

    @property
    def origin(self) -> str:
        return f"{self.file.rpartition('/')[2]}:{self.number}"

    def mistake(self, document: Document, error: RuleError) -> Mistake:
        if self.path:
            return document.mistake(self.path, str(error), error.remedy)
        return Mistake(self.file, self.number, 1, "", str(error), error.remedy)


@dataclass(slots=True)
class _Read:
    """One firewall as it was read."""

    lines: list[_Line]
    rules: list[FirewallRule]
    sets: list[SavedSet]
    saved: int
    """so many of the lines are the file's"""


def load_firewalls(spec: Spec, document: Document, read_file: ReadFile) -> LoadedFirewalls:
    """All firewalls of a complete spec, which stands in `document`; `read_file` raises OSError when it cannot."""
    found = LoadedFirewalls()
    given: dict[str, dict[str, str]] = {}
    for index, firewall in enumerate(spec.firewalls[:MAX_FIREWALLS]):
        home = household(spec, firewall.on)
        before = len(found.mistakes)
        read = _read(firewall, document, ("spec", "firewalls", index), home, read_file, found)
        sets = given.setdefault(firewall.on, dict.fromkeys(home.sets, "the lab's Calico"))
        for one in read.sets:
            if one.name in sets:
                path: Path = ("spec", "firewalls", index, SETS_FILE)
                problem = f"the set {one.name} is there already: it is {sets[one.name]}'s"
                found.mistakes.append(document.mistake(path, problem, "leave one of the two out"))
            sets[one.name] = firewall.sets_file or ""
        if len(found.mistakes) == before:
            found.mistakes += islice(_missing(firewall, read, document, sets), MAX_MISTAKES)
        lines, origins = tuple(one.text for one in read.lines), tuple(one.origin for one in read.lines)
        found.firewalls.append(firewall.loaded(lines, origins, tuple(read.sets)))
    return found


def _read(
    firewall: Firewall, document: Document, at: Path, home: Household, read_file: ReadFile, found: LoadedFirewalls
) -> _Read:
    """What its files and its own lines say; mistakes and warnings go to `found`."""
    saved, sets = Saved(), []
    if firewall.rules_file is not None:
        text = _text(firewall.rules_file, document, (*at, RULES_FILE), read_file, found)
        saved = read_saved(text, firewall.rules_file, home) if text is not None else saved
        found.mistakes += saved.mistakes
        found.warnings += _told(firewall, saved)
    if firewall.sets_file is not None:
        text = _text(firewall.sets_file, document, (*at, SETS_FILE), read_file, found)
        if text is not None:
            held = read_sets(text, firewall.sets_file, home.keeps)
            found.mistakes += held.mistakes
            sets = held.sets
    file = firewall.rules_file or ""
    lines = [_Line(line, file, number, ()) for line, number in zip(saved.lines, saved.numbers, strict=True)]
    rules = [parse_rule(one.text) for one in lines]
    for number, line in enumerate(firewall.rules):
        path = (*at, "rules", number)
        stands, row, _ = document.position(path)
        lines.append(_Line(line, stands, row, path))
        try:
            rules.append(parse_rule(line))
        except RuleError as error:
            found.mistakes.append(document.mistake(path, str(error), error.remedy))
    return _Read(lines, rules, sets, len(saved.lines))


def _text(name: str, document: Document, path: Path, read_file: ReadFile, found: LoadedFirewalls) -> str | None:
    try:
        return read_file(name)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not text"
        problem = f"{shown(name)} cannot be read: {reason.lower()}"
        found.mistakes.append(document.mistake(path, problem, "the path is relative to this file"))
        return None


def _told(firewall: Firewall, saved: Saved) -> Iterator[str]:
    """What of a saved file is not loaded, and what is although Kubernetes made it."""
    if saved.left_out:
        yield (
            f"{firewall.rules_file}: {_counted(saved.left_out)} are left out: what {firewall.on} has of that, its "
            "components in the lab make"
        )
    if saved.left_over:
        yield (
            f"{firewall.rules_file}: {_counted(saved.left_over)} are loaded as they are, as leftovers: no component of "
            f"{firewall.on} makes such"
        )


def _counted(lines: Counter[str]) -> str:
    """`12 lines of kube-proxy and 3 of Calico`."""
    parts = [f"{count} {'' if i else 'lines '}of {title}" for i, (title, count) in enumerate(sorted(lines.items()))]
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]


def _missing(firewall: Firewall, read: _Read, document: Document, sets: dict[str, str]) -> Iterator[Mistake]:
    """Chains and sets that rules name and nothing gives."""
    for index, error in unknown_chains(read.rules, read.saved):
        yield read.lines[index].mistake(document, error)
    for line, rule in zip(read.lines, read.rules, strict=True):
        for name in dict.fromkeys(rule.sets):
            if name not in sets:
                yield line.mistake(document, _no_set(firewall, name))


def _no_set(firewall: Firewall, name: str) -> RuleError:
    if firewall.sets_file:
        return RuleError(f"nothing gives the set {name}", f"{firewall.sets_file} lacks it: save all with `ipset save`")
    remedy = "save them on that machine with `ipset save`, and name the file as setsFile"
    return RuleError(f"nothing gives the set {name}: iptables-save does not hold sets", remedy)
