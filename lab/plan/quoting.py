"""Words as a shell takes them without looking into them: a rule's comment may say `$(reboot)`, and is no command.

Comments, chains, sets and devices are named by whoever made them, also by the root of a pod; people paste what is
printed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"]+')
_ESCAPED = re.compile(r"\\(.)")
_DOUBLE = re.compile(r"""[^"$`\\!\n]*[ ][^"$`\\!\n]*""")
_UNSAFE = re.compile(r"[$`;|&<>()*?\[\]~#\\\n']|!(?=\S)")
_SINGLE_QUOTED = re.compile(r"'[^']*'")


def saved(rule: str) -> str:
    """A rule as iptables-save prints it, for a shell. It quotes with backslashes what a shell would still look into."""
    if not _looked_into(rule):
        return rule
    return join(
        _ESCAPED.sub(r"\1", one[1:-1]) if one.startswith('"') else one for one in (m[0] for m in _TOKEN.finditer(rule))
    )


def join(words: Iterable[str]) -> str:
    """Words as one line: in double quotes, as iptables-save has them, what has only spaces in it."""
    return " ".join(one if one == "!" else f'"{one}"' if _DOUBLE.fullmatch(one) else shlex.quote(one) for one in words)


def _looked_into(command: str) -> bool:
    """Whether a shell would find more than words in it; single quotes keep it from that."""
    return _UNSAFE.search(_SINGLE_QUOTED.sub("", command)) is not None


def safe(command: str) -> str:
    """A command of plain words, for a shell: the same where a shell would find nothing in it; "" if it has no end."""
    if not _looked_into(command):
        return command
    try:
        return join(shlex.split(command))
    except ValueError:  # a quote that does not end
        return ""
