"""Text from outside as it may be shown: what a terminal or a page would obey instead of showing is written out.

A server's status line, an Event, a rule's comment may hold anything. What is done with it is here, once for all
outputs.
"""

from __future__ import annotations

import re

# Unicode's categories Cc, Cf, Cs, Zl and Zp: controls (C1 too: a terminal takes U+009B for ESC [), marks of direction
# and what else has no shape of its own, halves of characters, separators of lines.
_OBEYED = (
    "\0-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064"
    "\u2066-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
_IN_LINE = re.compile(f"[{_OBEYED}]")
_IN_TEXT = re.compile(rf"(?![\t\n])[{_OBEYED}]")
_CELL_ENDS = re.compile("[\n\r\f\v]")
_KNOWN = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def text(given: str) -> str:
    """Of several lines: a tab and the end of a line stay what they are, all else is as in `line`."""
    return given if given.isascii() and given.isprintable() else _IN_TEXT.sub(_written_out, given)


def line(given: str) -> str:
    """One line, whatever it was: ESC as `\\x1b`, a marker of direction as `\\u202e`, the end of a line as `\\n`."""
    return given if given.isascii() and given.isprintable() else _IN_LINE.sub(_written_out, given)


def cell(given: str) -> str:
    """Of a table: its first line, with dots where more follows (kubectl's tables: printTable)."""
    end = _CELL_ENDS.search(given)
    return f"{line(given[: end.start()])}..." if end else line(given)


def _written_out(found: re.Match[str]) -> str:
    letter = found[0]
    if letter in _KNOWN:
        return _KNOWN[letter]
    number = ord(letter)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
