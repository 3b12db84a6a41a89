"""What a container's securityContext asks for."""

from __future__ import annotations

from typing import Any

import pytest

from lab.cluster.power import Power, power
from lab.kernel.sandbox import capabilities


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (None, Power()),
        ({}, Power()),
        ({"capabilities": {"add": ["NET_ADMIN", "cap_sys_nice"]}}, Power(("NET_ADMIN", "SYS_NICE"))),
        ({"capabilities": {"drop": ["ALL"]}}, Power(dropped=("ALL",))),
        ({"privileged": True, "capabilities": {"drop": ["KILL"]}}, Power(("ALL",), ("KILL",))),
        ({"privileged": "yes", "capabilities": ["x"]}, Power()),
        ({"capabilities": {"add": "NET_ADMIN", "drop": [7]}}, Power()),
        ("nonsense", Power()),
    ],
)
def test_what_is_read(context: Any, expected: Power) -> None:
    assert power({"name": "one", "securityContext": context}) == expected


def test_what_is_granted() -> None:
    assert set(capabilities.of((), ())) == set(capabilities.CONTAINER)
    assert capabilities.of((), ("ALL",)) == ()
    assert capabilities.of(("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE", "NONSENSE"), ("ALL",)) == ("NET_ADMIN",)
    assert not {"SYS_ADMIN", "SYS_MODULE", "MKNOD", "SYS_PTRACE", "DAC_READ_SEARCH"} & set(
        capabilities.of(("ALL",), ())
    )
    assert "CHOWN" not in capabilities.of((), ("CHOWN",))
