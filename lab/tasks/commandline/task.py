"""A task as its users see it: a function, the options that its parameters are, and what each of them is for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, overload

Body = Callable[..., None]
Kind = Literal["flag", "number", "text", "texts", "maybe"]

LAB = {"lab": "Which lab; without it the only one running, or HOPLAB_LAB."}
"""Help for the option that every task on a running lab has."""

# What kubectl's and tcpdump's users type, wherever a task has the thing; no option has a letter but these.
LETTERS = {
    "all-namespaces": "A",
    "file": "f",
    "follow": "f",
    "lab": "L",
    "namespace": "n",
    "output": "o",
    "selector": "l",
    "topology": "t",
    "verbose": "v",
    "watch": "w",
    "write": "w",
}


class Exit(Exception):  # noqa: N818  it is no error of the task's: it ends with the status that it means
    """The task ends with this status, its message on standard error."""

    def __init__(self, message: str = "", code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code if code is not None else int(bool(message))


@dataclass(frozen=True, slots=True)
class Context:
    """What the command line has besides the task's options: the words after `--`, as they were typed."""

    rest: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """One parameter of a task: `--name`, `-letter`, or by its position. `choices` are all possible values, if few. One
    that is a "maybe" may be given without a value, and is True then.
    """

    name: str
    attribute: str
    kind: Kind = "text"
    default: object = None
    letter: str = ""
    help: str = ""
    positional: bool = False
    required: bool = False
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """As it is typed with its name."""
        return f"--{self.name}" if len(self.name) > 1 else f"-{self.name}"


@dataclass(frozen=True)
class Command:
    """A task. `rest` is what stands behind `--` in its usage, "" if nothing may. `enters`: it goes into the lab's
    places by itself, and so runs where they are.
    """

    body: Body
    name: str
    help: Mapping[str, str] = field(default_factory=dict)
    positional: tuple[str, ...] = ()
    iterable: tuple[str, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rest: str = ""
    enters: bool = False
    maybe: tuple[str, ...] = ()

    def __call__(self, context: Context, **arguments: Any) -> None:  # noqa: ANN401  whatever its parameters are
        self.body(context, **arguments)

    @property
    def meaning(self) -> str:
        """What the task does: the text of its function."""
        from inspect import cleandoc  # noqa: PLC0415

        return cleandoc(self.body.__doc__ or "")

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """Its options in the order of the function's parameters; those given by position first, in their own order."""
        from inspect import signature  # noqa: PLC0415

        _, *parameters = signature(self.body).parameters.values()
        made = [self._option(one.name, one.default, one.default is one.empty) for one in parameters]
        strange = {*self.help, *self.choices} - {name for one in made for name in (one.name, one.attribute)}
        if strange:
            raise ValueError(f"{self.name} has no option {', '.join(sorted(strange))}")
        order = {name: place for place, name in enumerate(self.positional)}
        return tuple(sorted(made, key=lambda one: order.get(one.attribute, len(order))))

    def _option(self, attribute: str, default: Any, required: bool) -> Option:  # noqa: ANN401  a parameter's default
        name = attribute.strip("_").replace("_", "-")
        kind: Kind = "text"
        if attribute in self.iterable:
            kind = "texts"
        elif attribute in self.maybe:
            kind = "maybe"
        elif not required and isinstance(default, bool):
            kind = "flag"
        elif not required and isinstance(default, int):
            kind = "number"
        return Option(
            name,
            attribute,
            kind,
            [] if kind == "texts" else default,
            LETTERS.get(name, ""),
            self.help.get(name, self.help.get(attribute, "")),
            positional=required or attribute in self.positional,
            required=required,
            choices=self.choices.get(name, ()),
        )


@overload
def command(body: Body, /) -> Command: ...
@overload
def command(
    *,
    name: str = "",
    help: Mapping[str, str] | None = None,
    positional: Iterable[str] | None = None,
    iterable: Iterable[str] = (),
    choices: Mapping[str, tuple[str, ...]] | None = None,
    rest: str = "",
    enters: bool = False,
    maybe: Iterable[str] = (),
) -> Callable[[Body], Command]: ...
def command(
    body: Body | None = None,
    /,
    *,
    name: str = "",
    help: Mapping[str, str] | None = None,
    positional: Iterable[str] | None = None,
    iterable: Iterable[str] = (),
    choices: Mapping[str, tuple[str, ...]] | None = None,
    rest: str = "",
    enters: bool = False,
    maybe: Iterable[str] = (),
) -> Command | Callable[[Body], Command]:
    """Make a function, whose first parameter is the `Context`, a task. Parameters without a default must be given."""

    def made(function: Body) -> Command:
        given = name or function.__name__.strip("_").replace("_", "-")
        return Command(
            function,
            given,
            help or {},
            tuple(positional or ()),
            tuple(iterable),
            choices or {},
            rest,
            enters,
            tuple(maybe),
        )

    return made(body) if body is not None else made
