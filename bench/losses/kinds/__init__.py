"""The catalogue of breaks: a table for each kind of thing that can be broken. All of it is pure."""

from __future__ import annotations

from bench.losses.breakage import Kind
from bench.losses.kinds import addresses, components, devices, hooks, neighbours, policies, routes, rules, settings

KINDS: tuple[Kind, ...] = (
    *rules.KINDS,
    *components.KINDS,
    *policies.KINDS,
    *routes.KINDS,
    *addresses.KINDS,
    *neighbours.KINDS,
    *settings.KINDS,
    *devices.KINDS,
    *hooks.KINDS,
)
FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(kind.family for kind in KINDS))
