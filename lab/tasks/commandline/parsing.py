"""A command line, word by word: which task, and with what. Pure: it runs nothing and prints nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.errors import UsageError
from lab.suggestion import did_you_mean
from lab.tasks.commandline.task import Command, Option

HELP = ("-h", "--help")
LIST = ("-l", "--list")
VERSION = ("-V", "--version")
SCRIPT = "--print-completion-script"
COMPLETE = "--complete"  # what that script asks; not for people
SHELLS = ("bash", "zsh", "fish")
# Options whose value is a file, and never "".
FILES = ("diff", "file", "html", "json", "junit", "output", "pcap", "profile", "write")
SEE = "./inv --list shows the tasks, ./inv TASK --help the options of one"

_NUMBER = re.compile(r"-?[0-9]{1,18}")
_LONGEST = 60  # letters of a word that is told again

Tasks = Mapping[str, Command]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One task with its arguments by their parameters' names, and the words behind `--`."""

    command: Command
    arguments: Mapping[str, Any] = field(default_factory=dict)
    rest: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Help:
    """What there is to know: of one task, or of all of it."""

    command: Command | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """All tasks."""


@dataclass(frozen=True, slots=True)
class Version:
    """Which Hoplab this is."""


@dataclass(frozen=True, slots=True)
class Script:
    """The completion script for that shell."""

    shell: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What the last of these words can become."""

    words: tuple[str, ...]


Asked = Wanted | Help | Listing | Version | Script | Completion


def parse(tasks: Tasks, words: Sequence[str]) -> Asked:
    """What the words after the program's name ask for. UsageError for those that no one understands."""
    for word in words[: words.index("--") if "--" in words else len(words)]:
        if any("\ud800" <= letter <= "\udfff" for letter in word):
            raise UsageError(f"{shortened(word)} is no text in UTF-8", SEE)
    if not words or words[0] in (*HELP, "help"):
        return Help(find(tasks, words[1]) if len(words) > 1 else None)
    first, *others = words
    if first in LIST:
        return Listing()
    if first in VERSION:
        return Version()
    if first == COMPLETE:
        return Completion(tuple(others[1:] if others[:1] == ["--"] else others))
    name, _, shell = first.partition("=")
    if name == SCRIPT:
        return Script(_shell(shell or (others[0] if others else "")))
    if first.startswith("-"):
        known = (*HELP, *LIST, *VERSION, SCRIPT)
        raise UsageError(f"there is no option {first} before a task", did_you_mean(first, known, SEE))
    return _task(tasks, first, others)


def shortened(word: str) -> str:
    """In quotes, as it is told to who typed it."""
    return repr(word if len(word) <= _LONGEST else f"{word[: _LONGEST - 1]}…")


def find(tasks: Tasks, name: str) -> Command:
    """The task of that name. UsageError with the one that was probably meant."""
    if name not in tasks:
        raise UsageError(f"there is no task {shortened(name)}", did_you_mean(name, tasks, SEE))
    return tasks[name]


def _shell(name: str) -> str:
    if name not in SHELLS:
        problem = f"there is no completion for {shortened(name)}" if name else "completion for which shell?"
        raise UsageError(problem, f"{SCRIPT} {'|'.join(SHELLS)}")
    return name


def _task(tasks: Tasks, name: str, words: Sequence[str]) -> Asked:
    end = words.index("--") if "--" in words else len(words)
    own, rest = list(words[:end]), tuple(words[end + 1 :])
    if own and f"{name}.{own[0]}" in tasks:  # `trace diff` as `trace.diff`
        name = f"{name}.{own.pop(0)}"
    command = find(tasks, name)
    reading = Reading(command)
    while own:
        word = own.pop(0)
        if word in HELP:
            return Help(command)
        reading.take(word, own)
    if rest and not command.rest:
        raise UsageError(f"{name} takes no words after --", _help(command))
    return Wanted(command, reading.finished(), rest)


def _help(command: Command) -> str:
    return f"./inv {command.name} --help"


class Reading:
    """The arguments of one task, as its words come."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._options = {one.flag: one for one in command.options}
        self._options |= {f"-{one.letter}": one for one in command.options if one.letter}
        self._given: dict[str, Any] = {}

    def take(self, word: str, following: list[str]) -> None:
        """Understand the next word, with those of the following ones that are its value, which are removed."""
        if word.startswith("--"):
            flag, equals, value = word.partition("=")
            self._take_option(self._known(flag), flag, [value] if equals else [], following)
        elif word.startswith("-") and len(word) > 1:
            self._take_letters(word, following)
        else:
            self._take_positional(word)

    def finished(self) -> dict[str, Any]:
        """All arguments, those that were not given with their defaults. UsageError for one that had to be."""
        for option in self._command.options:
            if option.required and option.attribute not in self._given:
                named = option.name.upper() if option.attribute in self._command.positional else option.flag
                raise UsageError(f"{self._command.name} needs {named}", _help(self._command))
        return {one.attribute: self._given.get(one.attribute, one.default) for one in self._command.options}

    def _known(self, flag: str) -> Option:
        option = self._options.get(flag)
        if option is None:
            known = [*self._options, *HELP]
            meant = did_you_mean(flag, known, _help(self._command)) if len(flag) > 2 else _help(self._command)
            raise UsageError(f"{self._command.name} has no option {flag}", meant)
        return option

    def _take_letters(self, word: str, following: list[str]) -> None:
        """`-A`, `-n NAME`, `-nNAME`, `-n=NAME`, or several in one, of which the last may have a value: `-wn NAME`."""
        if f"-{word}".partition("=")[0] in self._options:
            raise UsageError(f"{self._command.name} has no option {word}", f"did you mean '-{word}'?")
        letters = word[1:]
        while letters:
            flag, letters = f"-{letters[0]}", letters[1:]
            option = self._known(flag)
            if option.kind != "flag":
                self._take_option(option, flag, [letters.removeprefix("=")] if letters else [], following)
                return
            self._given[option.attribute] = True

    def _take_option(self, option: Option, flag: str, value: list[str], following: list[str]) -> None:
        if option.kind == "flag":
            if value and value[0] not in ("true", "false"):
                raise UsageError(f"{flag} takes no value", _help(self._command))
            self._given[option.attribute] = value != ["false"]
            return
        if not value and following and self._is_value(option, following[0]):
            value = [following.pop(0)]
        if not value and option.kind == "maybe":
            self._given[option.attribute] = True
            return
        if not value:
            raise UsageError(f"{flag} needs a value", _help(self._command))
        self._set(option, value[0], flag)

    def _is_value(self, option: Option, word: str) -> bool:
        """Whether the word after an option is its value."""
        if option.kind == "maybe":
            return word == "-" or not word.startswith("-")
        return word.partition("=")[0] not in (*self._options, *HELP)

    def _take_positional(self, word: str) -> None:
        for option in self._command.options:
            if option.positional and (option.kind == "texts" or option.attribute not in self._given):
                self._set(option, word, option.name.upper())
                return
        hint = _help(self._command)
        if self._command.rest:
            hint = f"what shall run stands behind --: ./inv {self._command.name} … -- {word} …"
        raise UsageError(f"{self._command.name}: {shortened(word)} is one word too many", hint)

    def _set(self, option: Option, value: str, called: str) -> None:
        if option.choices and value not in option.choices:
            meant = did_you_mean(value, option.choices, f"one of: {', '.join(option.choices)}")
            raise UsageError(f"{called}: there is no {shortened(value)}", meant)
        if not value and option.name in FILES:
            raise UsageError(f"{called} names no file", _help(self._command))
        if option.kind == "number":
            if not _NUMBER.fullmatch(value):
                raise UsageError(f"{called}: {shortened(value)} is no whole number", _help(self._command))
            self._given[option.attribute] = int(value)
        elif option.kind == "texts":
            self._given.setdefault(option.attribute, []).append(value)
        else:
            self._given[option.attribute] = value
