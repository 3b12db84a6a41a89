"""What can follow the words that were typed behind `calicoctl`, for whoever completes a command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lab.calicoctl import commands, getting, ipam_check, usage
from lab.calicoctl.kinds import KINDS
from lab.calicoctl.options import Options

OUTPUTS = ("ps", "wide", "yaml", "json", "custom-columns=")


_PARTS: Mapping[tuple[str, ...], Iterable[str]] = {
    (): commands.COMMANDS,
    ("node",): commands.NODE,
    ("ipam",): commands.IPAM,
}
_TAKEN: Mapping[tuple[str, ...], Options] = {
    ("ipam", "show"): usage.OPTIONS,
    ("ipam", "check"): ipam_check.OPTIONS,
    ("version",): commands.VERSION,
}


def following(before: Sequence[str], last: str) -> Iterable[str]:
    """Words that the last one, as far as it is typed, can become."""
    typed = tuple(before)
    if typed in _PARTS:
        return sorted(_PARTS[typed])
    if typed[0] == "get":
        return _of_get(typed[1:], last)
    return next((_flags(taken) for words, taken in _TAKEN.items() if typed[: len(words)] == words), ())


def _of_get(before: Sequence[str], last: str) -> Iterable[str]:
    if before and before[-1] in ("-o", "--output"):
        return OUTPUTS
    if last.startswith("-") or any(not word.startswith("-") for word in before):
        return _flags(getting.OPTIONS)
    return [one.names[1] for one in KINDS]


def _flags(options: Options) -> list[str]:
    return [f"--{name}" for name in options.all]
