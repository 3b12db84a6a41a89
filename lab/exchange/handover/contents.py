"""What is in a bundle, and what was seen: `hoplab.bundle/v1`, which docs/bundle-v1.schema.json describes."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lab.errors import UsageError
from lab.topology.expect.expectation import Expectation

SCHEMA = "hoplab.bundle/v1"
NAME = "manifest.json"
_FAMILY = re.compile(r"hoplab\.bundle/v(\d{1,6})")
Text = Annotated[str, Field(max_length=4096)]
Member = Annotated[str, Field(max_length=200, pattern=r"^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)?$")]


class _Part(BaseModel):
    """Strict about types, and blind for fields that came later."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, strict=True)

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(by_alias=True, mode="json")


class Request(_Part):
    """A request, as an expectation has it."""

    source: Text = Field(alias="from")
    to: Text
    protocol: Literal["tcp", "udp", "icmp", "dns"] | None = None
    port: int | None = None
    via: Text | None = None
    size: int = 0

    @classmethod
    def of(cls, one: Expectation) -> Request:
        more = {"protocol": one.protocol, "port": one.port, "via": one.via, "size": one.size}
        return cls.model_validate({"from": one.source, "to": one.to, **more}, by_alias=True, by_name=False)

    def expectation(self) -> Expectation:
        """UsageError for what can be no request."""
        try:
            said = {name: value for name, value in self.to_json().items() if value}
            return Expectation.model_validate(said, by_alias=True, by_name=False)
        except ValidationError as error:
            raise UsageError("the bundle has a request that cannot be asked", _WHOSE) from error


class Seen(_Part):
    """How a request ended: `place` is where, `object_place` where the cause is; "" of what arrived."""

    verdict: Text
    cause: Text = ""
    place: Text = ""
    object_place: Text = ""


class Told(_Part):
    """A journey: the request, what was seen, and the members that have all of it. `seen` is None of one that could not
    be asked, and `error` says why.
    """

    name: Text
    why: Literal["expected", "found", "asked"]
    request: Request
    seen: Seen | None = None
    error: Text = ""
    files: dict[Literal["json", "html", "pcapng"], Member] = {}


class Found(_Part):
    """A finding of doctor's."""

    cause: Text
    places: tuple[Text, ...] = ()
    object: Text = ""


class Manifest(_Part):
    """All of it."""

    schema_: Text = Field(default=SCHEMA, alias="schema")
    hoplab: Text = ""
    lab: Text = ""
    topology: Member = "lab.yaml"
    journeys: Annotated[tuple[Told, ...], Field(max_length=2000)] = ()
    findings: Annotated[tuple[Found, ...], Field(max_length=2000)] = ()

    def text(self) -> str:
        return f"{json.dumps(self.to_json(), indent=1)}\n"

    @classmethod
    def read(cls, data: bytes, file: str) -> Manifest:
        """UsageError for what is none, or of a newer Hoplab."""
        try:
            told = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{file}: its {NAME} is no JSON", _WHOSE) from error
        schema = told.get("schema") if isinstance(told, dict) else None
        version = _FAMILY.fullmatch(schema) if isinstance(schema, str) else None
        if version is not None and int(version[1]) > 1:
            raise UsageError(
                f"{file}: a bundle of a newer Hoplab: {schema}; this one reads {SCHEMA}", "bring Hoplab up to date"
            )
        if schema != SCHEMA:
            raise UsageError(f"{file}: no bundle: its {NAME} does not say {SCHEMA}", _WHOSE)
        try:
            return cls.model_validate_json(data, by_alias=True, by_name=False)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise UsageError(f"{file}: its {NAME} is not whole: {where[:100]}: {first['msg'][:100]}", _WHOSE) from error


_WHOSE = "`./inv bundle FILE.tar.gz` writes one"
