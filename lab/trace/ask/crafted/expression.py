"""A packet as a person writes it: `IP(dst="10.244.0.129")/TCP(dport=8080, flags="S")`, read into names and literals.

Nothing of it is ever evaluated. Layers joined by `/`, each a name with fields in parentheses; values are numbers,
texts, bytes, lists, tuples, and layers again. Length, depth and numbers are bounded before anything is made of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.errors import UsageError

MOST_LETTERS = 100_000  # more than a packet of 64 KiB takes, written as text
DEEPEST, MOST_LAYERS, MOST_ITEMS, MOST_DIGITS = 8, 32, 64, 40
EXAMPLE = 'IP(dst="10.244.0.129")/TCP(dport=8080, flags="S")'
SHOWN = 40  # letters of what was typed, in a message

_SPACE = re.compile(r"[ \t\r\n]*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|[0-9]+")
_TEXT = re.compile(r"(b?)(\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|([nrt0\\'\"]))")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text or bytes, and where it stands."""

    place: int
    value: int | str | bytes


@dataclass(frozen=True, slots=True)
class Listing:
    """Values in brackets or parentheses."""

    place: int
    items: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A layer with its fields. One without a name is given by its place alone."""

    place: int
    name: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Argument:
    """A field and its value; `name` is "" where none was said."""

    place: int
    name: str
    term: Term


Term = Literal | Listing | Call


@dataclass(frozen=True, slots=True)
class Expression:
    """The layers, from the outermost; a text or bytes among them are what is carried."""

    text: str
    layers: tuple[Call | Literal, ...]

    def wrong(self, place: int, problem: str, remedy: str) -> UsageError:
        """What is told of a mistake at that place."""
        return _mistake(self.text, place, problem, remedy)


def parse(text: str) -> Expression:
    """UsageError, with line and column of the mistake and what would be right, for whatever is no packet."""
    if len(text) > MOST_LETTERS:
        raise UsageError(
            f"--packet: {len(text)} letters are too many", f"up to {MOST_LETTERS}: a packet has 65535 bytes at most"
        )
    return _Reader(text).expression()


def shown(word: str) -> str:
    """What was typed, in quotes; of much only the beginning."""
    return repr(word if len(word) <= SHOWN else f"{word[:SHOWN]}…")


def _mistake(text: str, place: int, problem: str, remedy: str) -> UsageError:
    line, column = text.count("\n", 0, place) + 1, place - (text.rfind("\n", 0, place) + 1) + 1
    return UsageError(f"--packet:{line}:{column}: {problem}", remedy)


class _Reader:
    """One reading, from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0

    def expression(self) -> Expression:
        layers = [self._layer()]
        while self._takes("/"):
            if len(layers) == MOST_LAYERS:
                raise self._wrong(f"more than {MOST_LAYERS} layers", "a packet that is sent has a few")
            layers.append(self._layer())
        if self._rest():
            raise self._wrong(f"unexpected {self._what()}", f"layers are joined by /: {EXAMPLE}")
        return Expression(self._text, tuple(layers))

    def _layer(self) -> Call | Literal:
        term = self._term(0)
        if isinstance(term, Call) or (isinstance(term, Literal) and not isinstance(term.value, int)):
            return term
        raise self._wrong("a layer is missing here", f"for example {EXAMPLE}", term.place)

    def _term(self, depth: int) -> Term:
        if depth > DEEPEST:
            raise self._wrong(f"nested more than {DEEPEST} deep", "layers are joined by /, not put into each other")
        self._skip()
        place = self._place
        if (found := _TEXT.match(self._text, place)) is not None:
            self._place = found.end()
            return Literal(place, self._unescaped(found[2][1:-1], place + len(found[1]) + 1, raw=bool(found[1])))
        if (number := _NUMBER.match(self._text, place)) is not None:
            return self._number(number)
        if (name := _NAME.match(self._text, place)) is not None:
            return self._call(name, depth)
        for opening, closing in (("[", "]"), ("(", ")")):
            if self._takes(opening):
                return Listing(place, self._items(closing, depth))
        raise self._wrong(
            f"unexpected {self._what()}" if self._rest() else "the packet ends here", f"for example {EXAMPLE}"
        )

    def _number(self, found: re.Match[str]) -> Literal:
        digits, self._place = found[0], found.end()
        if len(digits) > MOST_DIGITS:
            raise self._wrong(f"a number of {len(digits)} digits", "no field is so long", found.start())
        if self._rest()[:1] in (".", "_") or self._rest()[:1].isalnum():
            raise self._wrong(
                f"{shown(digits + self._rest()[:1])} is no number", "80, 0x50; texts are quoted", found.start()
            )
        plain = len(digits) > 1 and digits[0] == "0" and digits.isdecimal()
        return Literal(found.start(), int(digits, 10 if plain else 0))

    def _call(self, name: re.Match[str], depth: int) -> Call:
        self._place = name.end()
        if not self._takes("("):
            raise self._wrong(
                f"{shown(name[0])} is a bare name",
                f"a layer has parentheses: {name[0][:SHOWN]}(); a text is quoted",
                name.start(),
            )
        arguments: list[Argument] = []
        while not self._takes(")"):
            if arguments and not self._takes(","):
                raise self._wrong(
                    f"{self._what()} where , or ) should be", "fields are written name=value, with , between"
                )
            if self._takes(")"):
                break
            if len(arguments) == MOST_ITEMS:
                raise self._wrong(f"more than {MOST_ITEMS} fields", "no layer has so many")
            arguments.append(self._argument(depth))
        return Call(name.start(), name[0], tuple(arguments))

    def _argument(self, depth: int) -> Argument:
        self._skip()
        place = self._place
        name = _NAME.match(self._text, place)
        if name is not None:
            self._place = name.end()
            if self._takes("="):
                return Argument(place, name[0], self._term(depth + 1))
            self._place = place
        return Argument(place, "", self._term(depth + 1))

    def _items(self, closing: str, depth: int) -> tuple[Term, ...]:
        items: list[Term] = []
        while not self._takes(closing):
            if items and not self._takes(","):
                raise self._wrong(f"{self._what()} where , or {closing} should be", "values have , between")
            if self._takes(closing):
                break
            if len(items) == MOST_ITEMS:
                raise self._wrong(f"more than {MOST_ITEMS} values", "no field has so many")
            items.append(self._term(depth + 1))
        return tuple(items)

    def _unescaped(self, inside: str, place: int, *, raw: bool) -> str | bytes:
        parts: list[str] = []
        done = 0
        while (at := inside.find("\\", done)) >= 0:
            found = _ESCAPE.match(inside, at)
            if found is None:
                raise self._wrong(
                    f"{shown(inside[at : at + 2])} means nothing", r"\n \r \t \0 \\ \' \" and \x41", place + at
                )
            parts += (inside[done:at], chr(int(found[1], 16)) if found[1] else _ESCAPED.get(found[2], found[2]))
            done = found.end()
        text = "".join((*parts, inside[done:]))
        if not raw:
            return text
        try:
            return text.encode("latin-1")
        except UnicodeEncodeError as error:
            raise self._wrong(
                "bytes are letters of ASCII and \\x41", "a text without b is sent as UTF-8", place + error.start
            ) from error

    def _takes(self, sign: str) -> bool:
        """Whether the sign comes next, which is then behind."""
        self._skip()
        if not self._text.startswith(sign, self._place):
            return False
        self._place += len(sign)
        return True

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._place)
        self._place = found.end() if found else self._place

    def _rest(self) -> str:
        return self._text[self._place : self._place + SHOWN]

    def _what(self) -> str:
        """What comes next, as a message has it."""
        rest = self._rest()
        if not rest:
            return "the end"
        if rest[0] in "'\"" or rest[:2] in ("b'", 'b"'):
            return "a text that does not end"
        word = _NAME.match(rest) or _NUMBER.match(rest)
        return shown(word[0] if word else rest[0])

    def _wrong(self, problem: str, remedy: str, place: int = -1) -> UsageError:
        return _mistake(self._text, self._place if place < 0 else place, problem, remedy)
