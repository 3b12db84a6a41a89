"""The filter of system calls, as the kernel would run it."""

from __future__ import annotations

import struct
from errno import ENOSYS

import pytest

from lab.kernel import seccomp

ALLOWED, REFUSED = 0x7FFF0000, 0x00050000 | ENOSYS
X86_64, I386, ARM64, ARM = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028


def verdict(machine: str, architecture: int, number: int) -> int:
    """What it says of a call, as linux/filter.h has its few instructions."""
    steps = list(struct.iter_unpack("=HBBI", seccomp.program(machine)))
    at = held = 0
    while True:
        code, then, otherwise, value = steps[at]
        at += 1
        if code == 0x20:
            held = {0: number, 4: architecture}[value]
        elif code == 0x54:
            held &= value
        elif code == 0x15:
            at += then if held == value else otherwise
        else:
            assert code == 0x06
            return int(value)


@pytest.mark.parametrize(
    ("machine", "architecture", "numbers"),
    [
        ("x86_64", X86_64, (248, 249, 250)),
        ("x86_64", X86_64, (0x40000000 + 248, 0x40000000 + 250)),
        ("x86_64", I386, (286, 287, 288)),
        ("aarch64", ARM64, (217, 218, 219)),
        ("aarch64", ARM, (309, 310, 311)),
    ],
)
def test_the_calls_of_the_kernels_keys_are_refused_and_no_others(
    machine: str, architecture: int, numbers: tuple[int, ...]
) -> None:
    for number in numbers:
        assert verdict(machine, architecture, number) == REFUSED
    for number in (0, 1, 59, numbers[0] - 1, numbers[-1] + 1, 441):
        assert verdict(machine, architecture, number) == ALLOWED


def test_of_an_unknown_machine_nothing_is_refused() -> None:
    assert seccomp.program("pdp11") == b""
