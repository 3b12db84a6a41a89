"""`trace` of a live lab, told for programs: lines that stay the same, the difference of two, the figures of many."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.labs import Lab, inv

ASK = ("trace", "--from", "namespace001/pod-0", "--to", "myapp.namespace001")


def test_the_same_request_has_the_same_lines(two_subnet: Lab) -> None:
    one, other = (
        inv(*ASK, "--via", "pod-3", "--minimal", "--lab", two_subnet.name).ok().splitlines() for _ in range(2)
    )
    assert one == other
    assert "request 4 encapsulate node-0 eth0 out VXLAN 4096 10.0.1.10 > 10.0.2.10" in one
    assert one[-1] == "verdict delivered namespace001/pod-3"


def test_two_journeys_differ_where_they_part(two_subnet: Lab, tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("first", "second", "other")]
    for file, via in zip(files, ("pod-3", "pod-3", "pod-2"), strict=True):
        inv(*ASK, "--via", via, "--json", file, "--lab", two_subnet.name).ok()
    assert "no difference" in inv("trace.diff", files[0], files[1]).ok()
    done = inv("trace.diff", files[0], files[2])
    assert done.status == 1
    assert "at node-0" in done.out
    assert "not JSON" in inv("trace.diff", files[0], str(Path(__file__))).refused()


def test_many_requests_in_figures(two_subnet: Lab) -> None:
    told = json.loads(inv(*ASK, "--count", "6", "--json", "-", "--lab", two_subnet.name).ok())
    assert told["schema"] == "hoplab.trace-summary/v1"
    assert told["verdicts"]["delivered"] == told["count"] == 6
    assert sum(told["answered_by"].values()) == 6
    assert set(told["answered_by"]) <= {"namespace001/pod-2", "namespace001/pod-3"}
    took = told["latency_us"]
    assert 0 < took["min"] <= took["median"] <= took["max"]


def test_what_does_not_go_together_is_refused(two_subnet: Lab) -> None:
    lab = ("--lab", two_subnet.name)
    assert "figures" in inv(*ASK, "--count", "2", "--minimal", *lab).refused()
    assert "cannot be sent" in inv(*ASK, "--count", "-2", *lab).refused()
    assert "standard output" in inv(*ASK, "--json", "-", "--html", "-", *lab).refused()


def test_the_page_alone_goes_to_standard_output(two_subnet: Lab) -> None:
    told = inv(*ASK, "--html", "-", "--lab", two_subnet.name).ok()
    assert told.startswith("<!DOCTYPE html>")
    assert told.rstrip().endswith("</html>")
