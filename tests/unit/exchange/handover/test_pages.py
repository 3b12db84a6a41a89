"""What pods and rules say reaches a reader as text: no page runs it, no terminal obeys it, no Markdown shows it."""

from __future__ import annotations

import re

from lab.doctor.examination import Examination
from lab.doctor.finding import Finding
from lab.exchange.handover import page, report
from lab.exchange.handover.bundle import seen
from lab.exchange.handover.contents import Manifest, Request, Seen, Told
from lab.exchange.handover.replay import Compared, Replayed, lines
from lab.exchange.handover.requests import Made, Wanted, again, request
from lab.trace.journey import LOST, Candidate, Journey, Loss
from lab.trace.journey import Request as Asked

EVIL = "<script>alert(1)</script> \x1b[31m`x` **bold** [a](javascript:1) \u202e\nsecond"
LOSS = Loss("node-2", "request", "data", "firewall", "firewall-drop", EVIL, EVIL, object_place="router")
PODS = tuple(Candidate(f"default/pod-{number}", "10.0.0.1", 80, True, True, chosen=number == 1) for number in range(2))


def journey(phase: str = "data") -> Journey:
    lost = Loss(**{**{name: getattr(LOSS, name) for name in LOSS.__dataclass_fields__}, "phase": phase})
    return Journey("one", Asked("pod-0", "web", 80), LOST, lost=lost, candidates=PODS)


def shown() -> report.Shown:
    made = Made(Wanted(EVIL, "asked", request("pod-0", "web")), journey())
    told = Told(
        name=EVIL, why="asked", request=Request.of(made.wanted.request), seen=seen(journey()), files={"json": "a"}
    )
    finding = Finding("firewall-drop", (EVIL,), EVIL, EVIL, (EVIL,))
    examination = Examination(EVIL, (finding,), 1, 1, 0.1)
    return report.Shown(Manifest(lab=EVIL, journeys=(told,)), examination, (made,), {EVIL: EVIL}, (), EVIL)


def test_nothing_of_it_is_obeyed() -> None:
    html, text = page.page(shown()), report.report(shown())
    assert "<script" not in html
    for told in (html, text):
        assert "\x1b" not in told
        assert "\u202e" not in told
    prose = [line for line in text.splitlines() if not line.startswith("    ")]
    meant = re.compile(r"(?<!\\)(?:<script|\*\*bold|\]\(javascript)")
    assert not any(meant.search(line) for line in prose), prose


def test_a_service_is_asked_again_through_the_endpoint_that_was_chosen() -> None:
    made = Made(Wanted("x", "asked", request("pod-0", "web")), journey())
    assert again(made).via == "default/pod-1"
    question = Made(made.wanted, journey(phase="dns"))
    assert again(question).via is None, "a DNS server cannot be chosen"


def test_how_a_request_ended_is_told_in_words() -> None:
    assert report.in_words(seen(journey()), "") == "lost at node-2: firewall-drop (the cause is at router)"
    assert report.in_words(Seen(verdict="delivered"), "") == "delivered"
    assert report.in_words(None, "no such place") == "could not be asked: no such place"


def test_a_replay_says_what_is_the_same_and_what_is_not() -> None:
    same, other = Compared("a", "delivered", "delivered", 3), Compared("b", "delivered", "lost at x: y")
    assert list(lines(Replayed((same, other), ("drift at node-1",)))) == [
        "same    a: delivered (when asked 3 times)",
        "differs b: it was delivered; now lost at x: y",
        "new     doctor: drift at node-1",
        "2 things of the bundle: 2 differ",
    ]
    assert Replayed((same,), ()).is_same
    assert not Replayed((same,), ("drift",)).is_same
