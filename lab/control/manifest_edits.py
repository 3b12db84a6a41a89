"""Manifests into the API and out of it, object by object, each with its verdict: kubectl's, in words that say more.

What cannot be applied keeps nothing else from being applied. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from lab.api.errors import ApiError
from lab.cluster.file.sources import Source, left_out
from lab.cluster.file.unobeyed import pod_of, unobeyed
from lab.control.manifests import Asked, LeftOut, Refused, Wanted, asked
from lab.control.mistakes import mistakes_of
from lab.control.plane import ControlPlane
from lab.errors import Mistake
from lab.topology.yaml.document import Document

NOT_FOUND = "not found"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one object. `named` is as kubectl names it; `done` is created, configured, unchanged, deleted, not
    found, refused or left out; `told` are the lines that say why it is not as asked, each with its place in the file;
    `failed` whether the command has failed by it.
    """

    named: str
    done: str
    told: tuple[str, ...] = ()
    failed: bool = False


def applied(plane: ControlPlane, documents: Sequence[Document]) -> Iterator[Verdict]:
    """In the file's order, which is kubectl's: what another object needs stands before it. Each is done when it is
    asked for.
    """
    for one in asked(documents):
        verdict = _verdict(one, plane.apply, left_out)
        yield replace(verdict, told=(*verdict.told, *_unobeyed(one, verdict)))


def deleted(plane: ControlPlane, documents: Sequence[Document]) -> Iterator[Verdict]:
    """In the opposite order: what is in a namespace goes before it does. Each is done when it is asked for."""

    def delete(one: Wanted) -> str:
        if plane.store.find(one.resource.stored, *one.key) is None:
            return NOT_FOUND
        plane.registry.delete(one.resource, *one.key)
        return "deleted"

    for one in reversed(list(asked(documents))):
        yield _verdict(one, delete, _never_there)


def _verdict(one: Asked, act: Callable[[Wanted], str], passing: Callable[[Source, str], str]) -> Verdict:
    match one:
        case LeftOut(source, meant):
            return Verdict(source.named, "left out", (passing(source, meant),), bool(meant))
        case Refused(source, mistakes):
            return _refused(source, source.named, mistakes)
        case Wanted(source=source):
            assert source is not None
            try:
                done = act(one)
            except ApiError as error:
                return _refused(source, _spoken(one), mistakes_of(one, error))
            gone = done == NOT_FOUND
            return Verdict(
                _spoken(one), done, (source.warning((), f"{source.named} is not there"),) if gone else (), gone
            )
        case _:
            assert_never(one)


def _unobeyed(one: Asked, verdict: Verdict) -> Iterator[str]:
    """What of an object that was applied would mean something in a cluster and does not here."""
    if not isinstance(one, Wanted) or one.source is None or verdict.failed:
        return
    at, pod = pod_of(one.resource.kind, one.item)
    for found in unobeyed(pod):
        yield one.source.warning((*at, *found.path), str(found.below(at)))


def _refused(source: Source, named: str, mistakes: Iterable[Mistake]) -> Verdict:
    return Verdict(named, "refused", tuple(_about(source, mistake) for mistake in mistakes), failed=True)


def _about(source: Source, mistake: Mistake) -> str:
    """The mistake with the object that it is of."""
    where, field = f"{mistake.file}:{mistake.line}:{mistake.column}", f"{mistake.field}: " if mistake.field else ""
    remedy = f"; {mistake.remedy}" if mistake.remedy else ""
    return f"{where}: {source.named} is refused: {field}{mistake.problem}{remedy}"


def _never_there(source: Source, _meant: str) -> str:
    return source.warning(("kind",), f"{source.named} is not there: the lab stores no {source.kind[1]}")


def _spoken(one: Wanted) -> str:
    """As kubectl names it: `service/web`, `deployment.apps/cart`."""
    group = f".{one.resource.group}" if one.resource.group else ""
    return f"{one.resource.singular}{group}/{one.key[1]}"
