"""A plan in short: for each step what is done to which object, where, and why."""

from __future__ import annotations

from lab.network.objects import Chain, Object, Sysctl
from lab.plan.commands import sysctl_name
from lab.plan.steps import ChainChange, Plan, Step


def summary(plan: Plan) -> list[dict[str, str]]:
    """One entry per object, with `action`, `place`, `object` and `reason`."""
    told: list[dict[str, str]] = []
    for step in plan.steps:
        for change in [step] if isinstance(step, Step) else step.changes:
            item = change.chain if isinstance(change, ChainChange) else change.object
            told.append(
                {"action": change.action, "place": item.place, "object": object_name(item), "reason": change.reason}
            )
    return told


def object_name(item: Object) -> str:
    """How a person names it: `route 10.244.0.128/26`, `chain nat KUBE-SERVICES`."""
    if isinstance(item, Chain):
        return f"chain {item.table} {item.name}"
    if isinstance(item, Sysctl):
        return f"sysctl {sysctl_name(item.name)}"
    kind, *rest = item.key
    kind = kind.replace("nft-", "nft ")
    names = [part for part in rest if part != item.place]
    return " ".join([kind, *names])
