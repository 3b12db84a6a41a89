"""What the command line says about itself: the first screen, the list of tasks, and one task's options."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap

from lab.tasks.commandline.parsing import Tasks
from lab.tasks.commandline.task import Command, Option

FIRST_SCREEN = """\
Hoplab builds the network of a Kubernetes cluster on this machine, sends real
requests through it, and shows every hop of each and where a lost one ended.

  ./inv demo                              three nodes, and one journey
  ./inv get pods -A                       what is in it, as kubectl shows it
  ./inv trace --from pod-0 --to myapp     a request of your own
  ./inv exec node-0 -- iptables-save      any program, in any place of it
  ./inv down                              end it; nothing is left

./inv --list shows all tasks, ./inv TASK --help the options of one."""

LEAST_WIDTH = 30
INDENT, GAP = 2, 3
WIDEST = 32  # of the first column; what is longer has a line of its own
KINDS = {"flag": "", "number": "N", "text": "VALUE", "texts": "VALUE", "maybe": "VALUE"}
# What the value of an option is, where the name of the option does not say it.
VALUES = {
    "file": "FILE",
    "from": "PLACE",
    "html": "FILE",
    "json": "FILE",
    "lab": "NAME",
    "namespace": "NAME",
    "packet": "EXPRESSION",
    "pcap": "FILE",
    "profile": "FILE",
    "set": "KEY=VALUE",
    "to": "TARGET",
    "topology": "NAME|FILE",
    "via": "POD",
    "write": "FILE",
}


def listing(tasks: Tasks, width: int) -> str:
    """Each task with the first sentence or two about it, in lines no longer than `width`."""
    return _columns(((name, " ".join(tasks[name].meaning.split("\n\n")[0].split())) for name in sorted(tasks)), width)


def task(command: Command, width: int) -> str:
    """How the task is called, what it does, and what each option is for."""
    lines = [f"Usage: ./inv {command.name} {_shape(command)}".rstrip()]
    for paragraph in command.meaning.split("\n\n"):
        lines += ["", *wrap(" ".join(paragraph.split()), max(width, LEAST_WIDTH), break_on_hyphens=False)]
    options = [(_spelled(option), _told(option)) for option in command.options]
    return "\n".join([*lines, "", "Options:", "", _columns([*options, ("-h, --help", "Show this.")], width)])


def _shape(command: Command) -> str:
    needed = [f"{one.flag} {_value(one)}" for one in command.options if one.required and not _placed(command, one)]
    placed = [_place(one) for one in command.options if _placed(command, one)]
    rest = [f"-- {command.rest}"] if command.rest else []
    return " ".join([*placed, *needed, "[options]", *rest])


def _place(option: Option) -> str:
    return option.name.upper() if option.required else f"[{option.name.upper()}]"


def _placed(command: Command, option: Option) -> bool:
    return option.attribute in command.positional


def _value(option: Option) -> str:
    if option.choices:
        return "|".join(option.choices)
    value = KINDS[option.kind] and VALUES.get(option.name, KINDS[option.kind])
    return f"[{value}]" if option.kind == "maybe" else value


def _spelled(option: Option) -> str:
    letter = f"-{option.letter}, " if option.letter else ""
    value = _value(option)
    return f"{letter}{option.flag}{f' {value}' if value else ''}"


def _told(option: Option) -> str:
    several = " May be given several times." if option.kind == "texts" else ""
    return f"{option.help}{several}"


def _columns(pairs: Iterable[tuple[str, str]], width: int) -> str:
    rows = list(pairs)
    first = INDENT + max(len(name) for name, _ in rows if len(name) <= WIDEST) + GAP
    lines = []
    for name, text in rows:
        told = wrap(text, max(width - first - 1, LEAST_WIDTH), break_on_hyphens=False) or [""]
        if len(name) > WIDEST:
            told.insert(0, "")
        lines += [f"{' ' * INDENT}{name}".ljust(first) + told[0], *(f"{'':{first}}{line}" for line in told[1:])]
    return "\n".join(line.rstrip() for line in lines)
