"""A few of the cases that `bench --doctor` tries: drawn once, the same each time; all of them take hours.

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2        gateway ─── internet
pod-0 pod-1        pod-2                            pod-3
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice

import pytest

from bench.doctor.case import BROKEN, Case, cases
from bench.doctor.table import as_table
from bench.doctor.trial import Bed, bed

SEED = 20261201
CALICO = BROKEN[0]
DRAWN = [one for one in cases(SEED, 60, 20) if one.configuration == CALICO.name]


def some(faults: int, number: int) -> Iterator[Case]:
    return islice((one for one in DRAWN if len(one.faults) == faults), number)


@pytest.fixture(scope="module")
def broken() -> Iterator[Bed]:
    with bed(CALICO, f"doctor-test-{os.getpid()}") as one:
        yield one


@pytest.mark.parametrize("case", [*some(1, 3), *some(2, 1)], ids=str)
def test_what_is_put_in_is_found_mended_and_cleared(broken: Bed, case: Case) -> None:
    outcome = broken.attempt(case)
    assert not outcome.wrongs, as_table(SEED, os.uname().release, [outcome])
