"""Hints of EndpointSlices: for which nodes' traffic an endpoint is meant. Source: kube-proxy (its topology rules)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar


class Hinted(Protocol):
    """An endpoint with its hints; none where it is meant for all."""

    @property
    def for_nodes(self) -> tuple[str, ...]: ...
    @property
    def for_zones(self) -> tuple[str, ...]: ...


T = TypeVar("T", bound=Hinted)

_KINDS: tuple[Callable[[Hinted], tuple[str, ...]], ...] = (lambda one: one.for_nodes, lambda one: one.for_zones)


def are_complete(ready: Sequence[Hinted]) -> bool:
    """Whether the hints of a Service's ready endpoints may count on some node: all have some of one kind."""
    return any(ready and all(map(hints, ready)) for hints in _KINDS)


def meant_for(ready: Sequence[T], node: str, zone: str) -> tuple[T, ...]:
    """Those of a Service's ready endpoints that get traffic of `node`, which is in `zone` ("" for none).

    Hints count where every endpoint has some and one of them names the node, or else its zone; otherwise all are meant.
    """
    for here, hints in zip((node, zone), _KINDS, strict=True):
        kept = tuple([one for one in ready if here in hints(one)])
        if kept and all(map(hints, ready)):
            return kept
    return tuple(ready)
