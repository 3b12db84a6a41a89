"""`verify`: what a file expects of requests, asked of the running lab."""

from __future__ import annotations

import json as json_module
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lab import terminal
from lab.agent.client import calls
from lab.errors import FileError
from lab.tasks.commandline import inputs, into_machine, outputs
from lab.tasks.commandline.task import LAB, Context, Exit, command

if TYPE_CHECKING:
    from lab.tasks.commandline.outputs import Outputs
    from lab.tasks.topologies import Source
    from lab.topology.expect.expectation import Expectation
    from lab.trace.expect.report import Line

NOT_MET = 3
HOW = "a file with a topology's spec.expect, or a list of expectations: docs/verify.md"


@command(
    help={
        **LAB,
        "file": "Expectations in place of those of the lab's own file: a topology's, or a list; - is standard input.",
        "junit": "Write what came of them to this file as JUnit's XML, for CI; - is standard output.",
        "json": "Write it with all journeys as JSON to this file; - is standard output, and nothing else goes there.",
    },
    enters=True,
)
def verify(_: Context, file: str = "", junit: str = "", json: str = "", lab: str = "") -> None:
    """Ask what the lab's file expects, each by a real request. Status 0 all came true, 3 not all did, 2 usage."""
    with outputs.opened(junit=junit, json=json) as opened:
        ask(lab, _of_file(file) if file else None, opened)


def _of_file(file: str) -> tuple[Expectation, ...]:
    from lab.topology.expect.expect_file import load_expectations  # noqa: PLC0415  as all else here
    from lab.trace.expect.verify import require_any  # noqa: PLC0415

    found = load_expectations(inputs.text(file, HOW), inputs.name(file))
    require_any(found, inputs.name(file))
    return found


def ask(lab: str, expectations: Sequence[Expectation] | None = None, opened: Outputs | None = None) -> None:
    """These, or those of the lab's file. Exit with `NOT_MET` unless all come true."""
    from lab.trace.expect import report  # noqa: PLC0415
    from lab.trace.expect.junit import junit  # noqa: PLC0415
    from lab.trace.expect.outcome import Outcome  # noqa: PLC0415
    from lab.trace.expect.verify import verify as verified  # noqa: PLC0415

    opened = opened or outputs.Outputs()
    quiet = opened.on_standard

    def tell(outcome: Outcome) -> None:
        if not quiet:
            _show(report.lines(outcome, connected.lab))

    with calls.connect(lab or None) as connected:
        result = verified(connected, expectations, tell)
    opened.write_text("junit", junit(result, os.getcwd()))  # noqa: PTH109  a text, not a path
    opened.write_text("json", f"{json_module.dumps(result.to_json(), indent=1)}\n")
    if not quiet:
        _show((report.summary(result.outcomes),))
    if result.failed:
        raise Exit(code=NOT_MET)


def ask_after_up(lab: str) -> None:
    """The same of a lab that has just come up, wherever it is."""
    if into_machine.is_in_machine(lab):
        into_machine.run_inside(lab, ["verify", f"--lab={lab}"])
    ask(lab)


def judge(source: Source, settings: Sequence[str], *, wanted: bool) -> None:
    """What a topology's file expects, before anything is built: FileError for a cause that there is not, and, where
    somebody is going to ask (`wanted`), UsageError for a file that expects nothing.
    """
    from lab.topology.expect.expect_file import load_expectations  # noqa: PLC0415
    from lab.trace.expect.known_causes import require_known  # noqa: PLC0415
    from lab.trace.expect.verify import require_any  # noqa: PLC0415

    try:
        found = load_expectations(source.text, source.file, settings)
    except FileError:  # told by whoever builds it, with all else that is wrong in the file
        return
    if wanted:
        require_any(found, source.file)
    require_known(found, "nothing was built")


def _show(lines: Iterable[Line]) -> None:
    terminal.styled((one.text, one.style) for one in lines)
    terminal.flush()
