"""What came of expectations as lines, as JSON of its schema, and as JUnit's XML whatever the texts hold."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from lab.trace.expect.junit import junit
from lab.trace.expect.outcome import Outcome
from lab.trace.expect.verification import Verification
from tests.unit.trace.expect.outcomes import outcome, unasked

ROOT = Path(__file__).parents[4]
SCHEMA, TRACE = (
    Draft202012Validator(json.loads((ROOT / "docs" / name).read_text(encoding="utf-8")))
    for name in ("verify-v1.schema.json", "trace-v2.schema.json")
)
MET = outcome("delivered-vxlan", "name: web")
LOST = outcome("lost-at-firewall", "via: pod-3, answeredBy: pod-3")
ELSEWHERE = outcome("delivered-vxlan", "name: the other one, answeredBy: pod-2, avoids: [router]")
UNASKED = unasked("via: pod-9", "lab 'two-subnet' has no place 'pod-9'", "did you mean 'pod-0'?")
ALL = (MET, LOST, ELSEWHERE, UNASKED)


def verification(*outcomes: Outcome) -> Verification:
    return Verification("two-subnet", outcomes, began=0.0, seconds=1.5)


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314  we have written it ourselves


def failure(said: str) -> ET.Element:
    """Of the only expectation, whose error is this text."""
    found = parsed(junit(verification(unasked("", said)), "/")).find("testsuite/testcase/failure")
    assert found is not None
    return found


def test_the_lines_read_as_in_their_file() -> None:
    golden = ROOT / "tests" / "golden" / "trace" / "verification.txt"
    told = f"{verification(*ALL)}\n"
    if os.environ.get("HOPLAB_WRITE_GOLDEN"):
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8"), f"if it should read so, write {golden.name} anew"


def test_the_json_is_of_its_schema_and_each_journey_of_its_own() -> None:
    told = json.loads(json.dumps(verification(*ALL).to_json()))
    SCHEMA.validate(told)
    assert (told["met"], told["failed"]) == (1, 3)
    for one in told["expectations"][:3]:
        TRACE.validate(one["journey"])
    assert told["expectations"][3]["journey"] is None
    assert told["expectations"][3]["at"] == {"file": "dir/expect.yaml", "line": 1, "column": 3}


def test_junit_has_a_testcase_for_each_and_the_journey_of_those_that_failed() -> None:
    text = junit(verification(*(replace(one, seconds=0.25) for one in ALL)), "dir")
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    root = parsed(text)
    (suite,) = root.findall("testsuite")
    for element in (root, suite):
        counted = {name: element.get(name) for name in ("tests", "failures", "errors", "skipped", "time")}
        assert counted == {"tests": "4", "failures": "3", "errors": "0", "skipped": "0", "time": "1.500"}
    assert (suite.get("name"), suite.get("timestamp")) == ("two-subnet", "1970-01-01T00:00:00")
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases][::2] == ["web", "the other one"]
    assert {(case.get("classname"), case.get("time"), case.get("file"), case.get("line")) for case in cases} == {
        ("hoplab.two-subnet", "0.250", "expect.yaml", "1")
    }
    failures = [case.find("failure") for case in cases]
    assert failures[0] is None
    assert [one.get("type") for one in failures[1:] if one is not None] == ["verdict", "answeredBy", "unasked"]
    lost = failures[1]
    assert lost is not None and lost.text is not None
    assert lost.get("message") == "lost at node-2 (firewall), on the way there: unknown; expected delivered"
    assert "node-2              → eth0             VXLAN 4096  10.0.1.10 → 10.0.2.10" in lost.text, "the journey"


def test_hostile_texts_are_shown_and_the_xml_stays_valid() -> None:
    said = "a\0b\x1b[2J \"]]>' <failure/> & \ud800 \ufffe\uffff \u202e\r\n\ttail"
    found = failure(said)
    assert found.get("message") == (
        "it cannot be asked: a\\x00b\\x1b[2J \"]]>' <failure/> & \\ud800 \\ufffe\\uffff \\u202e\\r\\n\\ttail"
    )
    assert found.text is not None
    assert len(found) == 0, "nothing of it is an element"
    told = junit(verification(replace(MET, expectation=MET.expectation.model_copy(update={"name": said}))), "/")
    case = parsed(told).find("testsuite/testcase")
    assert case is not None and case.get("name", "").startswith("a\\x00b")


@given(st.text(alphabet=st.characters(codec=None, exclude_categories=())))
def test_any_text_comes_back_as_it_is_shown(said: str) -> None:
    message = failure(f"x{said}").get("message") or ""
    assert message.startswith("it cannot be asked: x")
    assert message.encode().decode() == message
