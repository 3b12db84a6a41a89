"""scapy is an extra: where it is not installed, that is said, and how to get it."""

from __future__ import annotations

import sys

import pytest

from lab.errors import MachineError
from lab.trace.ask.crafted.extra import require_scapy


def test_without_scapy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scapy", None)
    with pytest.raises(MachineError, match="not installed") as refused:
        require_scapy()
    assert refused.value.hint == "pip install 'hoplab[scapy]'"
