"""What only another kernel can do: each lab in a virtual machine of its own, with a distribution's kernel.

`./inv test --vm` runs these and nothing else does: a machine takes half a minute to boot under emulation, so there is
one for a group of things, and it is looked at from all sides. Everything is typed outside, as a person does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.integration.labs import Lab
from tests.vm.labs import KERNEL, InMachine

collect_ignore_glob = [] if KERNEL in os.environ else ["test_*.py"]


@pytest.fixture(scope="module")
def machine() -> Iterator[InMachine]:
    """A lab in a machine that the module's tests share, one after another; each says with `up` what it is to be."""
    lab = InMachine(Lab("two-subnet"), os.environ[KERNEL])
    yield lab
    lab.end()
