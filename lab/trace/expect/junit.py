"""Outcomes as JUnit's XML, as GitLab, Jenkins and GitHub's actions read it: a testsuite, a testcase for each.

Whatever a text holds, the XML is valid: a character that XML has no room for is written out, as on a terminal.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from lab import printable
from lab.program_name import spoken
from lab.trace.expect import report
from lab.trace.expect.outcome import Outcome
from lab.trace.expect.verification import Verification
from lab.trace.show import story

UNASKED = "unasked"
# XML 1.0, production 2 (Char): what `printable` leaves of that which is none.
_NONE = re.compile("[\ufffe\uffff]")


def junit(verification: Verification, folder: str) -> str:
    """The whole document. An expectation that could not be asked is a failure, as every other that was not met. Files
    are named as seen from `folder`, where they are below it: CI shows them beside its own copy.
    """
    began = datetime.fromtimestamp(verification.began, UTC)
    counted = {
        "tests": str(len(verification.outcomes)),
        "failures": str(len(verification.failed)),
        "errors": "0",
        "skipped": "0",
        "time": f"{verification.seconds:.3f}",
    }
    root = ET.Element("testsuites", {"name": "hoplab verify", **counted})
    suite = {"name": _line(verification.lab), **counted, "timestamp": began.strftime("%Y-%m-%dT%H:%M:%S")}
    cases = ET.SubElement(root, "testsuite", suite)
    for one in verification.outcomes:
        _add(cases, one, verification.lab, folder)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add(cases: ET.Element, one: Outcome, lab: str, folder: str) -> None:
    it = one.expectation
    file, line, _ = it.standing
    case = ET.SubElement(
        cases,
        "testcase",
        {
            "classname": f"hoplab.{_line(lab)}",
            "name": _line(it.title),
            "time": f"{one.seconds:.3f}",
            "file": _line(file.removeprefix(f"{folder}/")),
            "line": str(line),
        },
    )
    if one.is_met:
        return
    told = [line.text for line in report.lines(one, lab)]
    if one.journey is not None:
        told += ["", *(line.text for line in story.tell(one.journey))]
    wrong = "; ".join(report.wrong(each) for each in one.mismatches)
    message = "; ".join(filter(None, (report.ended(one), wrong)))
    kind = one.mismatches[0].field if one.mismatches else UNASKED
    failure = ET.SubElement(case, "failure", {"type": kind, "message": _line(message)})
    failure.text = _text(spoken("\n".join(told)))


def _line(text: str) -> str:
    return _NONE.sub(_written_out, printable.line(text))


def _text(text: str) -> str:
    return _NONE.sub(_written_out, printable.text(text))


def _written_out(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
