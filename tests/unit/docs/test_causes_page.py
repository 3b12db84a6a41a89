"""docs/causes.md explains every cause that a trace or the doctor can name."""

from __future__ import annotations

import re

from lab.doctor.finding import DRIFT, LEFTOVERS, NO_ENDPOINTS, STOPPED
from lab.trace.explain.loss.cause import Cause
from tests.integration.labs import ROOT

PAGE = (ROOT / "docs" / "causes.md").read_text(encoding="utf-8")


def test_every_cause_has_a_row_and_no_other_has() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \| (.+) \|$", PAGE, re.M)
    named = [cause for cause, _, _ in rows]
    assert len(named) == len(set(named)), "each has one"
    assert set(named) == {*map(str, Cause), DRIFT, LEFTOVERS, NO_ENDPOINTS, STOPPED, "tcp-reset"}
    assert all(len(means) > 10 and len(seen) > 5 for _, means, seen in rows)
