"""What names, labels and keys look like, and Kubernetes' words for those that do not.

Source: apimachinery, util/validation. Each function gives the messages about a value; none when it is right.
"""

from __future__ import annotations

import re
from functools import cache

LONGEST_LABEL = 63
LONGEST_SUBDOMAIN = 253
LONGEST_PORT_NAME = 15

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LETTER_FIRST = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_KEY})?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_VARIABLE = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_HEADER = "[-A-Za-z0-9]+"
_PERCENT = "[0-9]+%"

_ENDS = "must start and end with an alphanumeric character"
_KEY_WORDS = f"must consist of alphanumeric characters, '-', '_' or '.', and {_ENDS}"

_WORDS = {
    _LABEL: (
        f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and {_ENDS}",
        ("my-name", "123-abc"),
    ),
    _SUBDOMAIN: (
        f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and {_ENDS}",
        ("example.com",),
    ),
    _LETTER_FIRST: (
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
        "start with an alphabetic character, and end with an alphanumeric character",
        ("my-name", "abc-123"),
    ),
    _KEY: (_KEY_WORDS, ("MyName", "my.name", "123-abc")),
    _VALUE: (
        f"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and {_ENDS}",
        ("MyValue", "my_value", "12345"),
    ),
    _CONFIG_KEY: (
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        ("key.name", "KEY_NAME", "key-name"),
    ),
    _VARIABLE: (
        "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', "
        "and must not start with a digit",
        ("my.env-name", "MY_ENV.NAME", "MyEnvName1"),
    ),
    _HEADER: ("a valid HTTP header must consist of alphanumeric characters or '-'", ("X-Header-Name",)),
    _PERCENT: ("a valid percent string must be a numeric string followed by an ending '%'", ("1%", "93%")),
}


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _matches(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None


def _explained(pattern: str) -> str:
    words, examples = _WORDS[pattern]
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{words} (e.g. {shown}regex used for validation is '{pattern}')"


def _judged(value: str, pattern: str, longest: int = 0) -> list[str]:
    told = [f"must be no more than {longest} characters"] if longest and len(value.encode()) > longest else []
    return told if _matches(pattern, value) else [*told, _explained(pattern)]


def dns_label(value: str) -> list[str]:
    """RFC 1123: namespaces, containers, ports of Services."""
    if _matches(_LABEL, value) and len(value) <= LONGEST_LABEL:
        return []
    told = _judged(value, _LABEL, LONGEST_LABEL)
    if not _matches(_LABEL, value) and _matches(_SUBDOMAIN, value):
        told[-1] = "must not contain dots"
    return told


def dns_letter_label(value: str) -> list[str]:
    """RFC 1035: Services."""
    return _judged(value, _LETTER_FIRST, LONGEST_LABEL)


def dns_subdomain(value: str) -> list[str]:
    """RFC 1123: most names."""
    return _judged(value, _SUBDOMAIN, LONGEST_SUBDOMAIN)


def label_key(value: str) -> list[str]:
    """`NAME` or `PREFIX/NAME`."""
    prefix, slash, name = value.rpartition("/")
    if "/" in prefix:
        told = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return [f"a valid label key {_explained(_KEY)}{told}"]
    told_prefix: list[str] = []
    if slash:
        told_prefix = [f"prefix part {one}" for one in (dns_subdomain(prefix) if prefix else ["must be non-empty"])]
    if not name:
        return [*told_prefix, "name part must be non-empty"]
    return [*told_prefix, *(f"name part {one}" for one in _judged(name, _KEY, LONGEST_LABEL))]


def label_value(value: str) -> list[str]:
    return _judged(value, _VALUE, LONGEST_LABEL)


def config_key(value: str) -> list[str]:
    """A ConfigMap's key, which may become the name of a file."""
    return _judged(value, _CONFIG_KEY, LONGEST_SUBDOMAIN) + _climbs(value)


def variable(value: str) -> list[str]:
    """An environment variable's name."""
    return _judged(value, _VARIABLE) + _climbs(value)


def header(value: str) -> list[str]:
    """The name of an HTTP header."""
    return _judged(value, _HEADER)


def percent(value: str) -> list[str]:
    return _judged(value, _PERCENT)


def port_name(value: str) -> list[str]:
    """A container port's name, by which Services and probes call it."""
    told = [] if len(value) <= LONGEST_PORT_NAME else [f"must be no more than {LONGEST_PORT_NAME} characters"]
    if not _matches("[-a-z0-9]+", value):
        told.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not _compiled("[a-z]").search(value):
        told.append("must contain at least one letter (a-z)")
    if "--" in value:
        told.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        told.append("must not begin or end with a hyphen")
    return told


def _climbs(value: str) -> list[str]:
    if value in (".", ".."):
        return [f"must not be '{value}'"]
    return ["must not start with '..'"] if value.startswith("..") else []
