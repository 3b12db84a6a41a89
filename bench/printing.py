"""What a measurement or a judgement prints: its table, or its JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab import terminal


def put(table: str, told: Mapping[str, Any], json_file: str) -> None:
    """The table on standard output; with `json_file` the JSON is written there too, or printed instead for `-`."""
    text = json.dumps(told, indent=1, ensure_ascii=False)
    if json_file == "-":
        terminal.out(text)
        return
    terminal.out(table)
    if json_file:
        Path(json_file).write_text(f"{text}\n", encoding="utf-8")
