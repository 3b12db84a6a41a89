"""calicoctl's options, as docopt reads them: long ones may be shortened, letters joined, values joined to either."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Options:
    """What a command takes: `valued` with a value, `flags` without, each with its letter or ""."""

    valued: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)

    @property
    def all(self) -> dict[str, str]:
        return {**self.valued, **self.flags}

    def named(self, typed: str) -> str:
        """The option that is meant; "" for none, or for several."""
        if typed in self.all:
            return typed
        found = [name for name in self.all if name.startswith(typed)]
        return found[0] if len(found) == 1 else ""

    def lettered(self, letter: str) -> str:
        return next((name for name, own in self.all.items() if own == letter), "")


@dataclass(frozen=True, slots=True)
class Given:
    """What was typed: the options by their names ("" for a flag), and the words that are none."""

    options: Mapping[str, str]
    words: tuple[str, ...]

    def has(self, name: str) -> bool:
        return name in self.options

    def value(self, name: str, otherwise: str = "") -> str:
        return self.options.get(name, otherwise)


def read(typed: Sequence[str], options: Options, *, first: bool = False) -> Given | None:
    """None for what docopt would not take. With `first` options end at the first word that is none."""
    found: dict[str, str] = {}
    words: list[str] = []
    left = iter(typed)
    for word in left:
        if word == "--":
            words += left
        elif word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if not _take(found, options, options.named(name), (value if equals else None), left):
                return None
        elif word.startswith("-") and len(word) > 1:
            if not _letters(found, options, word[1:], left):
                return None
        else:
            words.append(word)
            if first:
                words += left
    return Given(found, tuple(words))


def _letters(found: dict[str, str], options: Options, typed: str, left: Iterator[str]) -> bool:
    for at, letter in enumerate(typed):
        name = options.lettered(letter)
        if name in options.valued:
            return _take(found, options, name, typed[at + 1 :].removeprefix("=") or None, left)
        if not _take(found, options, name, None, left):
            return False
    return True


def _take(found: dict[str, str], options: Options, name: str, value: str | None, left: Iterator[str]) -> bool:
    if name in options.valued:
        value = next(left, None) if value is None else value
    elif name not in options.flags or value is not None:
        return False
    else:
        value = ""
    if value is None:
        return False
    found[name] = value
    return True
