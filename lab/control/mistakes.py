"""What the API refuses of a file's object, as mistakes with their line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lab.api.errors import ApiError
from lab.api.kinds import check, complete, type_errors
from lab.api.versions import inward
from lab.cluster.file.sources import Source
from lab.control.manifests import Refused, Wanted, ask
from lab.errors import Mistake
from lab.topology.yaml.document import Path

_STEP = re.compile(r"\.?([^.\[\]]+)|\[([^\]]*)\]")
_UNKNOWN = re.compile(r'unknown field "([^"]+)"')
_UNMARSHAL = re.compile(r"cannot unmarshal .* into Go struct field \w+\.(\S+) of type")


def mistakes_of(one: Wanted, error: ApiError) -> list[Mistake]:
    """Each thing that is wrong at its place in the file, in the API's words."""
    assert one.source is not None
    found = [(str(cause["field"]), str(cause["message"])) for cause in error.details.get("causes") or ()]
    found = found or [(field, "there is no such field") for field in _UNKNOWN.findall(error.message)]
    if not found:
        at = _UNMARSHAL.search(error.message)
        found = [(at[1] if at else "", error.message)]
    return [one.source.mistake(path_of(field), message) for field, message in found]


def path_of(field: str) -> Path:
    """`spec.ports[0].port` as a path; what stands in brackets and is no number is a key."""
    steps: list[str | int] = []
    for name, key in _STEP.findall(field):
        steps.append(name or (int(key) if key.isdecimal() and len(key) < 9 else key))
    return tuple(steps)


def unfit(sources: Iterable[Source]) -> list[Mistake]:
    """What the API would refuse of these objects, of kinds that it has, when they are made."""
    return [mistake for source in sources for mistake in _unfit(source)]


def _unfit(source: Source) -> Iterator[Mistake]:
    one = ask(source)
    if not isinstance(one, Wanted):
        yield from one.mistakes if isinstance(one, Refused) else ()
        return
    wrong = type_errors(one.resource, one.item)
    if wrong:
        at = _UNMARSHAL.search(wrong)
        yield source.mistake(path_of(at[1]) if at else (), wrong)
        return
    made = complete(one.resource.stored, inward(one.resource, one.item))
    for cause in check(one.resource, made, None):
        yield source.mistake(path_of(cause.field), cause.message)
