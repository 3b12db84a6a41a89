"""docs/faults.md tells of every fault what the catalogue tells."""

from __future__ import annotations

import pytest

from lab.faults.catalogue import FAULTS
from tests.integration.labs import ROOT

PAGE = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FAULTS)
def test_it_has_each_as_the_catalogue_has_it(name: str) -> None:
    one = FAULTS[name]
    assert f"| `{name}` | {one.story} | {one.symptom} | {one.where} | {one.source} |" in PAGE
    for what in one.parameters:
        assert f"| `{name}` | `{what.name}` | {what.what} | {what.usual} | {what.least} to {what.most} |" in PAGE
