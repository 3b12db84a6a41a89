"""Commands that enter a lab's places, where those are in a virtual machine: they run inside, with our streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.agent.presence import folder
from lab.errors import UsageError
from lab.tasks.commandline import outputs
from lab.tasks.commandline.parsing import FILES, Wanted
from lab.tasks.commandline.task import Exit
from lab.vm.presence import kernel_of

_FIRST = 10  # the number inside of the first output that is a file
_READ = ("file", "diff")


def forward(asked: Wanted) -> None:
    """Exit with the status that the command had inside; returns where it is to run here."""
    try:
        lab = folder.choose(asked.arguments.get("lab") or None)
    except UsageError:  # said by the command itself
        return
    if not kernel_of(lab):
        return
    named = {one: str(asked.arguments.get(one) or "") for one in FILES if one not in _READ}
    with outputs.opened(**named) as opened:
        files = {one: output for one in named if (output := opened.of(one)) and not output.is_standard}
        numbers = {one: _FIRST + at for at, one in enumerate(files)}
        words = [asked.command.name, *_words(asked, lab, numbers), *(("--", *asked.rest) if asked.rest else ())]
        sinks = {numbers[one]: output for one, output in files.items()}
        from lab.vm import front  # noqa: PLC0415  few labs are in a machine of their own

        raise Exit(code=front.run(lab, words, sinks))


def run_inside(lab: str, words: Sequence[str]) -> None:
    """Exit with the status that this command line had inside."""
    from lab.vm import front  # noqa: PLC0415  as above

    raise Exit(code=front.run(lab, words, {}))


def _words(asked: Wanted, lab: str, numbers: dict[str, int]) -> Iterator[str]:
    """The task's options as they are typed, the files among them by the numbers that they have inside."""
    for option in asked.command.options:
        value = asked.arguments.get(option.attribute, option.default)
        if option.name == "lab":
            yield f"--lab={lab}"
        elif option.name in numbers:
            yield f"--{option.name}=/dev/fd/{numbers[option.name]}"
        elif option.kind == "flag":
            if value:
                yield f"--{option.name}"
        elif option.kind == "texts":
            yield from (f"--{option.name}={one}" for one in value or ())
        elif value != option.default:
            yield f"--{option.name}={value}"


def is_in_machine(lab: str) -> bool:
    """Whether the lab runs in a virtual machine."""
    return bool(kernel_of(lab))
