"""What a YAML scalar means: the core schema of YAML 1.2.

Not YAML 1.1, in which `on:`, a field of ours, would be the value true and `12:30` a number.
"""

from __future__ import annotations

import re
from functools import lru_cache

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
# Whole numbers beyond 64 bits stay text: nothing here counts that far, and converting long ones is slow.
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}|0o[0-7]{1,21}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,60}|[0-9]{1,60}(\.[0-9]{0,60})?)([eE][-+]?[0-9]{1,4})?")
_FIRST = frozenset("-+.0123456789tTfFnN~")
_SHORT = 64

TAG = "tag:yaml.org,2002:"


class UnknownTagError(ValueError):
    """The scalar carries a tag that means nothing here, or one that its text contradicts; str() is the tag."""


def plain(text: str) -> Scalar:
    """The value of a scalar that was written without quotes."""
    return _of_short(text) if len(text) <= _SHORT else _of(text)


def _of(text: str) -> Scalar:
    if text and text[0] not in _FIRST:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    return float(text) if _FLOAT.fullmatch(text) else text


_of_short = lru_cache(1024)(_of)  # so that words that stand in every document of a file are there once


def tagged(tag: str, text: str) -> Scalar:
    """The value of a scalar with an explicit tag such as `!!str`. Raises UnknownTagError."""
    if tag in ("!", f"{TAG}str"):
        return text
    value = plain(text)
    if tag == f"{TAG}float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    kinds: dict[str, type] = {"null": type(None), "bool": bool, "int": int, "float": float}
    if kinds.get(tag.removeprefix(TAG)) is not type(value):
        raise UnknownTagError(tag)
    return value
