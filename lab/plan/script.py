"""A whole plan as a shell script, grouped by place, with each step's reason as a comment."""

from __future__ import annotations

from lab.network.objects import Namespace
from lab.plan.commands import commands
from lab.plan.steps import AnyStep, Plan, Step


def script(plan: Plan) -> str:
    """The text that `up --plan` prints: what a person could paste into a shell of the lab. "" for an empty plan."""
    parts: list[str] = []
    group = ""
    for step in plan.steps:
        heading = _heading(step)
        if heading != group:
            group = heading
            parts.append(f"\n# ── {group} ──\n")
        parts.append(_with_reason(step))
    return "".join(parts).lstrip("\n")


def _heading(step: AnyStep) -> str:
    if isinstance(step, Step) and step.action == "remove":
        return "what is no longer wanted"
    if isinstance(step, Step) and isinstance(step.object, Namespace):
        return "places"
    return step.place


def _with_reason(step: AnyStep) -> str:
    lines = commands(step)
    first, newline, _rest = lines.partition("\n")
    if newline or len(first) > 88:
        return f"# {step.reason}\n{lines}\n"
    return f"{first:<88}  # {step.reason}\n" if step.reason else f"{first}\n"
