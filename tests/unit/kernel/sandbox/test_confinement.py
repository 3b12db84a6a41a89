"""How a lab is to be confined, as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import UsageError
from lab.kernel.cell.cell import Cell
from lab.kernel.sandbox.confinement import Confinement, Limits, limits, shared


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ([], Limits()),
        (["memory=2G"], Limits(memory=2 << 30, named=("memory",))),
        (["memory=512MiB,pids=2000", "cpu=150%"], Limits(512 << 20, 2000, 150, named=("memory", "pids", "cpu"))),
        (["disk=1g, cpu=50"], Limits(disk=1 << 30, cpu=50, named=("disk", "cpu"))),
        (["memory=33554432"], Limits(memory=32 << 20, named=("memory",))),
    ],
)
def test_limits(typed: list[str], expected: Limits) -> None:
    assert limits(typed) == expected


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "memory",
        "memory=",
        "memory=0",
        "memory=-1",
        "memory=3",
        "disk=1M",
        "memory=2Q",
        "memory=²",
        "pids=300",
        "pids=x",
        "cpu=0",
        "x=1",
    ],
)
def test_what_is_no_limit(typed: str) -> None:
    with pytest.raises(UsageError) as refused:
        limits([typed])
    assert "--limit" in refused.value.message
    assert refused.value.hint


def test_what_is_said_to_the_agent_is_what_it_understands(tmp_path: Path) -> None:
    confinement = Confinement(True, shared([str(tmp_path)]), limits(["memory=1G"]))
    assert Confinement.from_json(confinement.to_json()) == confinement
    cell = Cell.within(confinement, "shop/cart", "node-0", ("KILL",), lambda place: {"/run/of": place})
    assert Cell.taken(cell.handed(["A=b=c", "D="])) == (cell, {"A": "b=c", "D": ""})
    assert (cell.of_node.place, cell.of_node.files) == ("node-0", (("/run/of", "node-0"),))


@pytest.mark.parametrize("folder", ["/", "/etc", "/etc/ssl", "/usr/local", "/proc/1", "/nonexistent"])
def test_what_cannot_be_shared(folder: str) -> None:
    with pytest.raises(UsageError):
        shared([folder])
