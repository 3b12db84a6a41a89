"""A bundle in words: report.md, which is read as it stands and shown as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lab import printable
from lab.doctor.examination import Examination
from lab.doctor.finding import Finding
from lab.exchange.handover.contents import Manifest, Seen, Told
from lab.exchange.handover.requests import Made
from lab.kernel.check.abilities import Finding as Ability
from lab.trace.show.minimal import tell

WHY = {
    "expected": "expected by the file",
    "found": "found failing by doctor",
    "asked": "asked for by whoever made this",
}
_MEANS = re.compile(r"([\\`*_{}\[\]<>#|&~!])")


@dataclass(frozen=True, slots=True)
class Shown:
    """All that a reader is shown."""

    manifest: Manifest
    examination: Examination
    journeys: tuple[Made, ...]
    versions: Mapping[str, str]
    abilities: Sequence[Ability]
    topology: str

    @property
    def summary(self) -> str:
        """In a sentence."""
        found, lost = len(self.manifest.findings), sum(not is_well(one) for one in self.manifest.journeys)
        told = f"{_number(found, 'finding')}, {_number(len(self.manifest.journeys), 'journey')}"
        return f"{told}, of which {lost or 'none'} did not arrive"


def is_well(one: Told) -> bool:
    return one.seen is not None and one.seen.verdict == "delivered"


def ended(one: Told) -> str:
    """How it ended, or why it could not be asked."""
    return in_words(one.seen, one.error)


def in_words(seen: Seen | None, error: str) -> str:
    """`lost at node-2: firewall-drop (the cause is at router)`."""
    if seen is None:
        return f"could not be asked: {error}"
    if not seen.place:
        return seen.verdict
    elsewhere = f" (the cause is at {seen.object_place})" if seen.object_place not in ("", seen.place) else ""
    return f"{seen.verdict} at {seen.place}: {seen.cause}{elsewhere}"


def asked(one: Told) -> str:
    """`pod-0 → myapp (tcp)`."""
    it = one.request
    more = [it.protocol or "tcp", *([f"via {it.via}"] if it.via else []), *([f"{it.size} bytes"] if it.size else [])]
    return f"{it.source} → {it.to}{f':{it.port}' if it.port else ''} ({', '.join(more)})"


def again(one: Told) -> str:
    """The command that asks it again."""
    it = one.request
    to = f"{it.to}:{it.port}" if it.port else it.to
    words = ["./inv trace", "--from", it.source, "--to", to]
    words += ["--protocol", it.protocol] if it.protocol else []
    words += ["--via", it.via] if it.via else []
    words += ["--size", str(it.size)] if it.size else []
    return " ".join(words)


def report(shown: Shown) -> str:
    """The whole text."""
    return printable.text("\n".join(_lines(shown)) + "\n")


def _lines(shown: Shown) -> Iterator[str]:
    yield f"# Lab {_plain(shown.manifest.lab)}"
    yield ""
    yield f"{_plain(shown.summary)}."
    yield ""
    yield "`index.html` shows the same, with links to the journeys' maps. With Hoplab, `./inv replay` of this bundle"
    yield "brings the lab up and says whether the same is seen again; `./inv up --topology lab.yaml` only brings it up."
    yield ""
    yield "## What is wrong"
    yield ""
    if not shown.examination.findings:
        yield "Nothing was found."
    for number, one in enumerate(shown.examination.findings, 1):
        yield from _finding(number, one)
    yield ""
    yield "## Journeys"
    for told, made in zip(shown.manifest.journeys, shown.journeys, strict=True):
        yield from _journey(told, made)
    yield ""
    yield "## Made with"
    yield ""
    yield from (f"- {_plain(name)}: {_plain(said)}" for name, said in shown.versions.items())
    lacking = [one for one in shown.abilities if not one.ok]
    if lacking:
        yield ""
        yield "This machine lacked:"
        yield ""
        yield from (f"- {_plain(one.name)} ({_plain(one.needed_for)})" for one in lacking)


def _finding(number: int, one: Finding) -> Iterator[str]:
    where = f" at {', '.join(one.places)}" if one.places else ""
    yield f"{number}. **{_plain(one.cause)}**{_plain(where)}: {_plain(one.why)}"
    yield ""
    if one.object:
        yield from _block([one.object])
    if one.affects:
        yield f"   Fails: {_plain('; '.join(one.affects[:8]))}{' …' if len(one.affects) > 8 else ''}"
        yield ""
    if one.fix:
        yield "   This mends it:"
        yield ""
        yield from _block([f"{mending.place}: {mending.command}" for mending in one.fix])


def _journey(told: Told, made: Made) -> Iterator[str]:
    yield ""
    yield f"### {_plain(told.name)}"
    yield ""
    yield f"{_plain(asked(told))}, {WHY[told.why]}: **{_plain(ended(told))}**"
    yield ""
    if made.journey is None:
        return
    if made.journey.lost is not None:
        yield _plain(made.journey.lost.why)
        yield ""
    yield from _block(tell(made.journey), "    ")
    files = ", ".join(f"[{kind}]({name})" for kind, name in told.files.items())
    yield f"{files}; again: `{_code(again(told))}`"


def _block(lines: Sequence[str], indent: str = "       ") -> Iterator[str]:
    """As it stands: nothing in an indented block is Markdown."""
    for text in lines:
        yield from (f"{indent}{line}" for line in printable.text(text).splitlines() or [""])
    yield ""


def _plain(text: str) -> str:
    """Nothing of it is Markdown, or HTML in it."""
    return _MEANS.sub(r"\\\1", printable.line(text))


def _code(text: str) -> str:
    return printable.line(text).replace("`", "'")


def _number(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
