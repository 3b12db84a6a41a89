"""A fault: its name and story, where it can be, and what it does there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab.api.store import Store
from lab.errors import UsageError
from lab.faults.amendment import Edit
from lab.faults.difference import Difference, Given
from lab.faults.ground import Ground
from lab.network.objects import Network
from lab.suggestion import did_you_mean


@dataclass(frozen=True, slots=True)
class Parameter:
    """What may be said of one behind `--with`: a number between two."""

    name: str
    usual: int
    least: int
    most: int
    what: str

    def read(self, text: str) -> str:
        """The number, as text. UsageError."""
        if not text.isdecimal() or not self.least <= int(text) <= self.most:
            told = f"--with {self.name}={text}: it is a number from {self.least} to {self.most}"
            raise UsageError(told, f"{self.name}: {self.what}; usually {self.usual}")
        return str(int(text))


@dataclass(frozen=True, slots=True)
class Rewrite:
    """It makes the network of the place another: `difference` says how, of a ground, a place and what was given."""

    difference: Callable[[Ground, str, Given], Difference]


@dataclass(frozen=True, slots=True)
class Stopping:
    """It stops a component there, as `component.stop` does."""

    component: str


@dataclass(frozen=True, slots=True)
class Commands:
    """What nothing in the network's design stands for: commands, each with its standard input, run in the place, and
    those that take them back.
    """

    do: tuple[tuple[str, str], ...]
    undo: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Objects:
    """It changes objects of the API, as a person with kubectl would: all that follows is real. `edits` says what, of
    the live objects, the Service's full name and what was given; () where that would change nothing.
    """

    edits: Callable[[Store, str, Given], tuple[Edit, ...]]


Effect = Rewrite | Stopping | Commands | Objects

SERVICE = "service"
"""Behind `--with` it says the same as `--on`, of faults that are of a Service's objects."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`story` is what happened, in a line; `source` where it was met; `symptom` what people see of it.

    `places` are those of a lab in which it shows, `where` says in words which those are. A fault of objects is on a
    Service, whose full name stands for the place.
    """

    name: str
    story: str
    source: str
    symptom: str
    where: str
    places: Callable[[Ground], tuple[str, ...]]
    effect: Effect
    parameters: tuple[Parameter, ...] = ()

    @property
    def is_of_objects(self) -> bool:
        return isinstance(self.effect, Objects)

    def aimed(self, on: str, said: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """Where it is to be, and what else was said. UsageError for two that are not one."""
        rest = dict(said)
        if not self.is_of_objects or SERVICE not in rest:
            return on, rest
        service = rest.pop(SERVICE)
        if on not in ("", service):
            raise UsageError(f"--on {on} and --with {SERVICE}={service} are two", "one of them says which Service")
        return service, rest

    def given(self, said: Mapping[str, str]) -> dict[str, str]:
        """All parameters, the usual where nothing was said. UsageError for what it has not, or cannot be."""
        known = {one.name: one for one in self.parameters}
        for name in said:
            if name not in known:
                otherwise = f"it takes {', '.join(known)}" if known else f"{self.name} takes nothing"
                raise UsageError(f"{self.name} has no parameter {name!r}", did_you_mean(name, known, otherwise))
        return {one.name: one.read(said[one.name]) if one.name in said else str(one.usual) for one in known.values()}

    def chosen(self, on: str, ground: Ground) -> str:
        """The place that is meant: the one named, else the first in which it shows. UsageError says where it can be."""
        there = self.places(ground)
        if not there:
            raise UsageError(f"{self.name} shows nowhere in this lab", f"it needs {self.where}")
        if not on:
            return there[0]
        found = [place for place in there if on in (place, place.rpartition("/")[2])]
        if len(found) != 1:
            kind = "Service" if self.is_of_objects else "place"
            there_is = ground.services if self.is_of_objects else ground.kinds
            known = [place for place in there_is if on in (place, place.rpartition("/")[2])]
            told = f"{self.name} cannot be on {on!r}: it needs {self.where}" if known else f"there is no {kind} {on!r}"
            raise UsageError(told, did_you_mean(on, there, f"it can be on {', '.join(there)}"))
        return found[0]


@dataclass(frozen=True, slots=True)
class Placed:
    """A fault in a running lab. `given` are all its parameters; `since` seconds since 1970; `origin` the file and line
    that has it, "" for one that was injected; one that is `hidden` is told to nobody.
    """

    fault: Fault
    place: str
    given: tuple[tuple[str, str], ...] = ()
    since: float = 0.0
    hidden: bool = False
    origin: str = ""

    @property
    def where(self) -> str:
        """`vxlan-blocked on node-2`."""
        return f"{self.fault.name} on {self.place}"

    @property
    def intent(self) -> str:
        return f"fault {self.fault.name}"

    def edits(self, store: Store) -> tuple[Edit, ...]:
        """What it changes of these objects; () where it is none of objects, or would change nothing."""
        effect = self.fault.effect
        return effect.edits(store, self.place, dict(self.given)) if isinstance(effect, Objects) else ()

    def is_in_the_way_of(self, fault: Fault, place: str) -> bool:
        """Whether another one cannot be there beside it: the same, or a second one of a Service's objects."""
        both = fault.is_of_objects and self.fault.is_of_objects
        return place == self.place and (both or fault.name == self.fault.name)

    def made_in(self, network: Network, ground: Ground) -> Network:
        """The network with it; as it was where the place is no more, or nothing of it is the network's."""
        if not isinstance(self.fault.effect, Rewrite) or self.place not in ground.kinds:
            return network
        return self.fault.effect.difference(ground, self.place, dict(self.given)).made_in(
            network, self.place, self.intent
        )
