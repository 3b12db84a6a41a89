"""A cluster of three nodes, its own objects made."""

from __future__ import annotations

import pytest

from tests.unit.control.world import World


@pytest.fixture
def world() -> World:
    return World()
