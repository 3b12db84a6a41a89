"""A few of the cases that `bench --doctor` tries: drawn once, the same each time; all of them take hours.

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2        gateway ─── internet
pod-0 pod-1        pod-2                            pod-3
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from bench.doctor.case import BROKEN, Case, cases
from bench.doctor.table import as_table
from bench.doctor.trial import Bed, bed

SEED = 20261201
CALICO = BROKEN[0]
SINGLE, PAIRS = 3, 1


@pytest.fixture(scope="module")
def drawn() -> list[Case]:
    """Drawn when a test needs them, and not whenever tests are collected: that takes the designs of four labs."""
    mine = [one for one in cases(SEED, 60, 20) if one.configuration == CALICO.name]
    faults, pairs = ([one for one in mine if len(one.faults) == number] for number in (1, 2))
    return [*faults[:SINGLE], *pairs[:PAIRS]]


@pytest.fixture(scope="module")
def broken() -> Iterator[Bed]:
    with bed(CALICO, f"doctor-test-{os.getpid()}") as one:
        yield one


@pytest.mark.parametrize("number", range(SINGLE + PAIRS))
def test_what_is_put_in_is_found_mended_and_cleared(broken: Bed, drawn: list[Case], number: int) -> None:
    outcome = broken.attempt(drawn[number])
    assert not outcome.wrongs, as_table(SEED, os.uname().release, [outcome])
