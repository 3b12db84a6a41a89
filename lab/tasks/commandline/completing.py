"""What a command line that is being typed can become: pure, but for the facts about labs, which are asked for one by
one as they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lab.network.components import COMPONENTS, DNS_PODS, NODES
from lab.tasks.commandline.parsing import HELP, LIST, SCRIPT, SHELLS, VERSION, Tasks
from lab.tasks.commandline.task import Command, Option


class Facts(Protocol):
    """What there is on this machine; `lab` is the one that was named, "" for the one that is meant without a name."""

    def labs(self) -> Iterable[str]: ...

    def topologies(self) -> Iterable[str]: ...

    def kinds(self) -> Iterable[str]: ...

    def places(self, lab: str) -> Iterable[str]: ...

    def pods(self, lab: str, /) -> Iterable[str]: ...

    def nodes(self, lab: str) -> Iterable[str]: ...

    def targets(self, lab: str) -> Iterable[str]: ...

    def namespaces(self, lab: str, /) -> Iterable[str]: ...

    def objects(self, lab: str, kind: str, namespace: str) -> Iterable[str]: ...


@dataclass(frozen=True, slots=True)
class Typed:
    """The words before the one that is being completed, understood as far as they can be."""

    command: Command
    given: Mapping[str, str] = field(default_factory=dict)
    waiting: Option | None = None
    """An option whose value comes next."""
    rest: tuple[str, ...] | None = None
    """What stands behind `--`, which is not ours."""

    def value(self, name: str) -> str:
        return self.given.get(name, "")


CALICOCTL = "calicoctl"

Source = Callable[[Facts, Typed], Iterable[str]]


def _named(facts: Facts, typed: Typed) -> Iterable[str]:
    """Components, of the tasks that stop and start them; else objects."""
    if typed.command.name.startswith("component."):
        return [one.name for one in COMPONENTS]
    return facts.objects(typed.value("lab"), typed.value("resource"), typed.value("namespace"))


def _components_places(facts: Facts, typed: Typed) -> Iterable[str]:
    """Where there can be one of the component; calicoctl is asked on a node."""
    if typed.command.name == CALICOCTL:
        return facts.nodes(typed.value("lab"))
    on = next((one.on for one in COMPONENTS if one.name == typed.value("name")), "")
    known = {NODES: facts.nodes, DNS_PODS: facts.pods}
    return known[on](typed.value("lab")) if on in known else ()


# By the option's name, whatever task has it. What is not here is a file, or something that only its user knows.
SOURCES: Mapping[str, Source] = {
    "from": lambda facts, typed: facts.places(typed.value("lab")),
    "lab": lambda facts, _: facts.labs(),
    "name": _named,
    "namespace": lambda facts, typed: facts.namespaces(typed.value("lab")),
    "node": lambda facts, typed: facts.nodes(typed.value("lab")),
    "on": _components_places,
    "place": lambda facts, typed: facts.places(typed.value("lab")),
    "resource": lambda facts, _: facts.kinds(),
    "to": lambda facts, typed: facts.targets(typed.value("lab")),
    "topology": lambda facts, _: facts.topologies(),
    "via": lambda facts, typed: facts.pods(typed.value("lab")),
    "where": lambda facts, typed: facts.places(typed.value("lab")),
}


def candidates(tasks: Tasks, words: Sequence[str], facts: Facts) -> list[str]:
    """What the last word can become, the others standing before it; nothing where a file is as good as anything."""
    *before, last = _joined(words) or [""]
    if before and before[0] in tasks:
        found = _in_task(_understood(tasks[before[0]], before[1:]), last, facts)
    else:
        found = _before_a_task(tasks, before, last)
    fitting = [one for one in found if one.startswith(last)]
    if "=" in words[-2:]:  # the shell takes the value for a word of its own
        return [one.partition("=")[2] for one in fitting]
    return fitting


def _before_a_task(tasks: Tasks, before: Sequence[str], last: str) -> Iterable[str]:
    match before:
        case []:
            return (*HELP, *LIST, *VERSION, SCRIPT) if last.startswith("-") else sorted(tasks)
        case ["-h" | "--help" | "help"]:
            return sorted(tasks)
        case [known] if known == SCRIPT:
            return SHELLS
    return ()


def _in_task(typed: Typed, last: str, facts: Facts) -> Iterable[str]:
    if typed.rest is not None:
        return _behind(typed.command, typed.rest, last)
    if typed.waiting and not _may_stay_alone(typed.waiting, last):
        return _values(typed.waiting, typed, facts)
    if last.startswith("-"):
        name, equals, _ = last.partition("=")
        option = _options(typed.command).get(name)
        if equals:
            return [f"{name}={one}" for one in _values(option, typed, facts)] if option else ()
        return (*(option.flag for option in typed.command.options), "--help")
    option = next(_places_left(typed), None)
    return _values(option, typed, facts) if option else ()


def _behind(command: Command, before: Sequence[str], last: str) -> Iterable[str]:
    """What follows `--` is another program's; of calicoctl, which the lab answers, we know."""
    if command.name != CALICOCTL:
        return ()
    from lab.calicoctl.words import following  # noqa: PLC0415  # all others are completed faster

    return following(before, last)


def _joined(words: Sequence[str]) -> list[str]:
    """bash takes `--lab=x` for three words."""
    joined: list[str] = []
    for word in words:
        if joined and (word == "=" or joined[-1].endswith("=")) and joined[-1].startswith("--") and len(joined[-1]) > 2:
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def _options(command: Command) -> dict[str, Option]:
    spelled = {one.flag: one for one in command.options}
    return spelled | {f"-{one.letter}": one for one in command.options if one.letter}


def _understood(command: Command, words: Sequence[str]) -> Typed:
    options = _options(command)
    given: dict[str, str] = {}
    waiting: Option | None = None
    for at, word in enumerate(words):
        if waiting and not _may_stay_alone(waiting, word):
            given[waiting.name], waiting = word, None
        elif word == "--":
            return Typed(command, given, rest=tuple(words[at + 1 :]))
        elif word.startswith("-") and len(word) > 1:
            flag, equals, value = word.partition("=")
            option = options.get(flag)
            waiting = option if option and not equals and option.kind != "flag" else None
            if option and equals:
                given[option.name] = value
        else:
            option = next(_places_left(Typed(command, given)), None)
            if option:
                given[option.name] = word
    return Typed(command, given, waiting)


def _may_stay_alone(option: Option, word: str) -> bool:
    """Whether that word after the option may be another option."""
    return option.kind == "maybe" and word.startswith("-")


def _places_left(typed: Typed) -> Iterator[Option]:
    return (one for one in typed.command.options if one.positional and one.name not in typed.given)


def _values(option: Option, typed: Typed, facts: Facts) -> Iterable[str]:
    if option.choices:
        return option.choices
    source = SOURCES.get(option.name)
    return source(facts, typed) if source else ()
