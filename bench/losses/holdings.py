"""What places hold, to see whether a fix took away what was right."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from bench.losses.inside import MACHINES_PYTHON, run
from lab.errors import LabError
from lab.kernel.cell.visitor import Visit

LISTING = Path(__file__).with_name("listing.py")
# What changes by itself: comments with the time, counters, hash values, numbers of interfaces and namespaces, timers.
PASSING = re.compile(
    r"#.*|\[\d+:\d+\]|link-netns(?:id)? \S+|initval \S+|bucketsize \d+|qdisc \S+ [0-9a-f]+:|(?<=: )\d+: |@\S+"
    r"|counter packets \d+ bytes \d+|\w+_timer\s+\S+|hashsize \d+|\\|state \w+|linkdown|refcnt \d+"
)
# What comes with a look or follows from the rest: local routes, what bridges learn, iptables' empty tables.
BESIDES = re.compile(
    r"\btable local\b|^iptables\S*:(?: (?:\*\w+|COMMIT|:\w+ ACCEPT))?$"
    r"|^table ip (?:filter|nat|mangle|raw)$|^chain [A-Z]+$"
    r"|^bridge fdb: (?!.*(?:permanent|static))|^type \w+ hook \w+ priority \S+(?: [+-] \d+)?; policy accept;$"
)
NFT = "nft -s list: "

Held = Mapping[str, Counter[str]]


def held(visit_to: Callable[[str], Visit], places: Iterable[str]) -> Held:
    """Every line of every tool, by place."""
    return {place: Counter(_lines(visit_to(place))) for place in places}


def _lines(where: Visit) -> Iterable[str]:
    listed = run(where, [*MACHINES_PYTHON, LISTING.read_text(encoding="utf-8")])
    if listed.status:
        raise LabError(f"{where.place} cannot be looked at", listed.output.strip())
    for line in listed.output.splitlines():
        # The elements of a set stand in no order, several in a line.
        parts = re.split(r"[,{}]", line.replace("elements =", "")) if line.startswith(NFT) else [line]
        for part in parts:
            text = " ".join(PASSING.sub("", part.removeprefix(NFT)).split())
            if text and not BESIDES.search(text):
                yield text


def taken(right: Held, broken: Held, mended: Held) -> tuple[str, ...]:
    """What a fix took away: lines of the healthy place that were there when it was broken, and are not any more."""
    return tuple(
        f"{place}: {line}"
        for place in mended
        for line, count in right[place].items()
        if mended[place][line] < min(count, broken[place][line])
    )
