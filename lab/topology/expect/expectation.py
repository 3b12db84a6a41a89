"""One expectation: a request, and what is to become of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from lab.topology.model import Port
from lab.topology.yaml.document import Path, field_path, shown
from lab.topology.yaml.standing import Standing, Stood

MOST = 1000  # of one file
DELIVERED, UNRESOLVED = "delivered", "unresolved"
Word = Annotated[str, Field(min_length=1, max_length=253)]
_HAS_PORT = re.compile(r":[0-9]+(/|$)")


class Contradiction(NamedTuple):
    """What an expectation cannot say together, at the part of it that has to go."""

    path: Path
    problem: str
    remedy: str


class Expectation(Stood):
    """A request, and what is to become of it; all that is said has to come true."""

    name: Annotated[str, Field(max_length=200)] = Field(
        default="", description="What it is called in reports; unless given, the request itself."
    )
    source: Word = Field(alias="from", description="The place that asks, as `trace --from` takes it.")
    to: Word = Field(description="What is asked for, as `trace --to` takes it.")
    protocol: Literal["tcp", "udp", "icmp", "dns"] | None = Field(
        default=None, description="How it is asked; tcp, or as the URL says, unless given."
    )
    port: Port | None = Field(default=None, description="The port, where `to` has none and it is not the usual one.")
    via: Word | None = Field(default=None, description="The pod that the Service shall choose.")
    size: Annotated[int, Field(ge=0, le=1_000_000, strict=True)] = Field(default=0, description="Bytes of payload.")
    verdict: Literal["delivered", "refused", "lost", "unresolved"] = Field(
        default="delivered", description="How the request shall end."
    )
    cause: Word | None = Field(
        default=None, description="Why it shall not be delivered: a cause in `trace`'s words, such as firewall-drop."
    )
    place: Word | None = Field(
        default=None, description="Where it shall end, or the place that has the cause; of a refused one, who refuses."
    )
    answered_by: Word | None = Field(default=None, description="The place that shall answer, or deploy/NAME.")
    through: tuple[Word, ...] = Field(
        default=(), description="Places that the request or its answer shall pass. Questions to DNS do not count."
    )
    avoids: tuple[Word, ...] = Field(default=(), description="Places that neither shall pass.")

    @property
    def title(self) -> str:
        """Its name, or the request in words."""
        if self.name:
            return self.name
        port = f":{self.port}" if self.port else ""
        told = [f"{self.source} → {self.to}{port}"]
        told += [f"({self.protocol})"] if self.protocol else []
        told += [f"via {self.via}"] if self.via else []
        return " ".join(told)

    def contradictions(self) -> Iterator[Contradiction]:
        """What cannot be meant together."""
        delivered = self.verdict == DELIVERED
        for field, given in (("cause", self.cause), ("place", self.place)):
            if given and delivered:
                told = f"a delivered request has no {'cause' if field == 'cause' else 'place where it ends'}"
                yield Contradiction((field,), told, "say verdict: lost, refused or unresolved, or leave it out")
        if self.answered_by and not delivered:
            told = f"nobody answers a request that is {self.verdict}"
            yield Contradiction(("answeredBy",), told, "leave it out; `place` says where the request ends")
        for field, places in (("through", self.through), ("avoids", self.avoids)):
            if places and self.verdict == UNRESOLVED:
                yield Contradiction((field,), "what has no address is sent nowhere", "leave it out")
        for number, place in enumerate(self.avoids):
            if place in self.through:
                yield Contradiction(("avoids", number), f"{shown(place)} is in `through` too", "leave one of them out")
        if self.port and self.protocol == "icmp":
            yield Contradiction(("port",), "icmp has no ports", "leave it out")
        elif self.port and _HAS_PORT.search(self.to.partition("://")[2] or self.to):
            yield Contradiction(("port",), f"{shown(self.to)} says a port already", "leave one of them out")

    def written(self) -> dict[str, Any]:
        """Its fields as in the file, those that were left out excepted, but always with the verdict."""
        return {**self.model_dump(by_alias=True, mode="json", exclude_defaults=True), "verdict": self.verdict}

    def to_json(self) -> dict[str, Any]:
        """With where it stands: plain dicts, lists and scalars for json.dumps."""
        return {"expected": self.written(), "path": list(self._path), "standing": self._standing}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Expectation:
        """What `to_json` was made of."""
        made = cls.model_validate(told["expected"], by_alias=True, by_name=False)
        made._path = tuple(told["path"])
        made._standing = {field: Standing(*where) for field, where in told["standing"].items()}
        return made


def contradictions(expectations: tuple[Expectation, ...], at: Path) -> Iterator[Contradiction]:
    """What cannot be right of them, each by itself and among each other; `at` is where their list stands."""
    names: dict[str, int] = {}
    for number, one in enumerate(expectations):
        for path, problem, remedy in one.contradictions():
            yield Contradiction((*at, number, *path), problem, remedy)
        if one.name and one.name in names:
            told = f"{shown(one.name)} is already the name of {field_path((*at, names[one.name]))}"
            yield Contradiction((*at, number, "name"), told, "choose another: reports tell them apart by it")
        names.setdefault(one.name, number)
