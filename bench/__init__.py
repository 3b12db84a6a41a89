"""What Hoplab takes, beside what the kernel alone takes, measured in one call: `./inv bench`. Not part of the package.

docs/bench.md says what each figure means.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
