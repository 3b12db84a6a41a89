"""`export`, `bundle`, `replay`: a running lab handed over to somebody else."""

from __future__ import annotations

from pathlib import Path

from lab import terminal
from lab.agent.client import calls
from lab.agent.presence import folder
from lab.errors import UsageError
from lab.tasks.commandline import outputs
from lab.tasks.commandline.task import LAB, Context, Exit, command

DIFFERENT = 3


@command(help={**LAB, "output": "Write to this file instead of standard output."})
def export(_: Context, output: str = "", lab: str = "") -> None:
    """Write the running lab whole, as one topology's file: objects, faults, and what was changed by hand."""
    from lab.exchange.handover.export import export as exported  # noqa: PLC0415  no other task needs it

    with outputs.opened(output=output or outputs.STANDARD) as opened, calls.connect(lab or None) as connected:
        found = exported(connected)
        opened.write_text("output", found.text)
    _warn(found.warnings)


@command(
    positional=["file"],
    iterable=["trace"],
    help={
        **LAB,
        "file": "The bundle to write, such as bug.tar.gz; - is standard output.",
        "trace": "FROM,TO: this request's journey too (several).",
    },
    enters=True,
)
def bundle(_: Context, file: str, trace: list[str] | None = None, lab: str = "") -> None:
    """Write the lab with what is wrong, journeys and packets into one file, for a colleague to read or to replay."""
    from lab.exchange.handover import bundle as bundling  # noqa: PLC0415  no other task needs it
    from lab.exchange.handover.requests import named  # noqa: PLC0415

    given = named(trace or [])
    with outputs.opened(bundle=file) as opened, calls.connect(lab or None) as connected:
        found = bundling.bundle(connected, given)
        output = opened.of("bundle")
        assert output is not None, "a name is always given"
        output.write(found.data)
        quiet = opened.on_standard
    _warn(found.warnings)
    if not quiet:
        told = found.manifest
        number = len(found.data) / 1024
        terminal.out(f"{file}: {len(told.journeys)} journeys, {len(told.findings)} findings, {number:.0f} KiB")


@command(
    positional=["file"],
    help={"file": "As `bundle` wrote it.", "lab": "The new lab's name; without it the topology's and -replay."},
)
def replay(_: Context, file: str, lab: str = "") -> None:
    """Bring a bundle's lab up and say whether the same is seen again. Status 0 all of it, 3 not."""
    from lab.exchange.handover import replay as replaying  # noqa: PLC0415  no other task needs it
    from lab.tasks.lifetime import bring_up  # noqa: PLC0415
    from lab.tasks.topologies import Source  # noqa: PLC0415

    try:
        with Path(file).open("rb") as stream:
            found = replaying.read(stream, Path(file).name)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", "./inv replay bug.tar.gz") from error
    name = lab or found.lab
    if name in folder.running():
        raise UsageError(f"lab {name!r} runs already", "--lab gives the new one another name")
    bring_up(name, Source(found.file, found.topology), [])
    terminal.flush()
    with calls.connect(name) as connected:
        replayed = replaying.replay(connected, found)
    for line in replaying.lines(replayed):
        terminal.out(line)
    if not replayed.is_same:
        raise Exit(code=DIFFERENT)


def _warn(warnings: tuple[str, ...]) -> None:
    for one in warnings:
        terminal.warn(f"warning: {one}")
