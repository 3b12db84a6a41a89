"""What the developer's tasks do: lint, the test suite, the fresh machine. Not part of the installed package."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
