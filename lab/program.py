"""The `hoplab` program: the tasks of lab.tasks as Invoke's `Program`; `./inv` is the same plus the developers'."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lab.lightinvoke import Collection, Exit, ParseError, Program
from lab.tasks import namespace
from lab.tasks.command import remainder

__all__ = ["HoplabProgram", "main", "remainder", "run"]

USAGE_ERROR = 2


@contextmanager
def _usage_errors() -> Iterator[None]:
    """What Invoke's parser refuses ends with status 2, as everywhere else, and says where help is."""
    try:
        yield
    except ParseError as error:
        message = f"hoplab: error: {error}\nhint: --list shows the tasks, --help TASK its options"
        raise Exit(message, code=USAGE_ERROR) from error


def with_place_named(argv: Sequence[str]) -> list[str]:
    """`shell PLACE` as `shell --place PLACE`: Invoke's positional arguments cannot be left out, and this one can."""
    words = list(argv)
    if "shell" in words:
        for at in range(words.index("shell") + 1, len(words)):
            if not words[at].startswith("-") and words[at - 1] not in ("--lab", "-l", "--place", "-p"):
                return [*words[:at], "--place", *words[at:]]
    return words


class HoplabProgram(Program):
    """Invoke's program, with the exit statuses of Hoplab."""

    def parse_core(self, argv: list[str] | None) -> None:
        """Parse what stands before the task; compiled modules go on being kept (Invoke turns that off)."""
        kept = sys.dont_write_bytecode
        with _usage_errors():
            super().parse_core(with_place_named(sys.argv if argv is None else argv))
        sys.dont_write_bytecode = kept

    def parse_tasks(self) -> None:
        """Parse the tasks and their options."""
        with _usage_errors():
            super().parse_tasks()

    def parse_cleanup(self) -> None:
        """Answer --help and --list."""
        with _usage_errors():
            super().parse_cleanup()

    def print_version(self) -> None:
        """Print name and version, of the installed package."""
        from importlib.metadata import version  # noqa: PLC0415  # 40 ms that only --version needs

        self.version = version("hoplab")
        super().print_version()


def run(tasks: Collection, binary: str) -> None:
    """Do what the command line says with these tasks, and end the process with the right status."""
    HoplabProgram(namespace=tasks, name="Hoplab", binary=binary, binary_names=[binary.rpartition("/")[2]]).run()


def main() -> None:
    """`hoplab`, as pip installs it."""
    run(namespace, "hoplab")
