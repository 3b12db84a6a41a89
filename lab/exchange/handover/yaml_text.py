"""YAML as a person writes it: short mappings in a line, long texts as blocks, fields as they came."""

from __future__ import annotations

from typing import Any

import yaml

WIDTH = 118
MOST_IN_A_LINE = 96


class _Writer(yaml.SafeDumper):
    def ignore_aliases(self, _data: Any) -> bool:  # noqa: ANN401  PyYAML's word
        return True


def documents(items: list[Any], head: str = "") -> str:
    """The text, one document after the other; `head` are lines of comment before the first."""
    texts = [document(one) for one in items]
    return head + "---\n".join(texts)


def document(value: Any) -> str:  # noqa: ANN401  whatever YAML holds
    """The text of one document."""
    text: str = yaml.dump(value, Dumper=_Writer, sort_keys=False, width=WIDTH, allow_unicode=False)
    return text


def _text(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    is_block = "\n" in text and text.replace("\n", "").isprintable() and text.isascii()
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style="|" if is_block else None)


def _mapping(writer: yaml.SafeDumper, value: dict[str, Any]) -> yaml.MappingNode:
    node = writer.represent_mapping("tag:yaml.org,2002:map", list(value.items()))
    for key, _ in node.value:
        if key.value == "on":  # which old readers take for a truth; ours do not, and people write it bare
            key.tag = "tag:yaml.org,2002:bool"
    node.flow_style = _fits(value) and "apiVersion" not in value
    return node


def _sequence(writer: yaml.SafeDumper, value: list[Any]) -> yaml.SequenceNode:
    node = writer.represent_sequence("tag:yaml.org,2002:seq", value)
    node.flow_style = _fits(value)
    return node


def _fits(value: Any) -> bool:  # noqa: ANN401
    """Whether it stands in a line."""
    length = _length(value)
    return length is not None and length <= MOST_IN_A_LINE


def _length(value: Any) -> int | None:  # noqa: ANN401
    """About so many characters in a line; None for what needs several, or is more than two deep."""
    if isinstance(value, str):
        return None if "\n" in value else len(value)
    if isinstance(value, dict | list):
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        if sum(isinstance(one, dict | list) for one in parts) > 3 or _depth(value) > 3:
            return None
        lengths = [_length(one) for one in parts]
        return None if None in lengths else sum(2 + (one or 0) for one in lengths)
    return len(str(value))


def _depth(value: Any) -> int:  # noqa: ANN401
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, parts), default=0) if isinstance(value, dict | list) else 0


_Writer.add_representer(str, _text)
_Writer.add_representer(dict, _mapping)
_Writer.add_representer(list, _sequence)
