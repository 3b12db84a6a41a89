"""What `inspect` prints of a lab: who is ready, who is not and why, and what does not go on by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from lab.agent.client import calls
from lab.map.labmap import LabMap
from lab.map.place import Link, Place
from lab.tasks import inspection
from lab.tasks.commandline.task import Context

WELL = Place("shop/web-0", "pod", "node-0", links=(Link("eth0", "veth", addresses=("10.244.0.2/32",)),))
UNWELL = Place("shop/web-1", "pod", "node-0", ready=False, why="its readiness probe fails: no")
STATUS = {"cni": "calico", "encapsulation": "VXLAN", "file": "a.yaml", "started": 0.0}
TROUBLE = "controller endpointslices failed about shop/web twice: KeyError: 'x'"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the agent answers; a test may change it."""
    rows = [
        {"object": {"metadata": {"namespace": "shop", "name": name}}, "cells": [name, ready]}
        for name, ready in (("web-0", "1/1"), ("web-1", "0/1"))
    ]
    answers: dict[str, Any] = {
        "map": LabMap("x", places=(Place("node-0", "node"), WELL, UNWELL)).to_json(),
        "status": STATUS,
        "drift": [],
        "troubles": [],
        "faults": [],
    }

    def request(operation: str, what: str = "", **_: object) -> Any:
        return {"object": {"rows": rows}} if operation == "api" else answers[what]

    @contextmanager
    def connect(_: str | None) -> Iterator[Any]:
        yield SimpleNamespace(request=request, lab="x", sandbox=SimpleNamespace(pid=1))

    monkeypatch.setattr(calls, "connect", connect)
    return answers


def inspected(capsys: pytest.CaptureFixture[str]) -> list[str]:
    inspection.inspect(Context())
    return capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("told")
def test_pods_have_their_readiness_as_kubectl_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line.split() for line in inspected(capsys)]
    assert ["PLACE", "KIND", "READY", "NODE", "ADDRESSES"] in lines
    assert ["shop/web-0", "pod", "1/1", "node-0", "eth0", "10.244.0.2/32"] in lines
    assert ["shop/web-1", "pod", "0/1", "node-0"] in lines


def test_who_is_not_ready_is_told_with_the_reason(told: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    lines = inspected(capsys)
    assert lines[lines.index("not ready:") + 1] == "  shop/web-1: its readiness probe fails: no"
    told["map"] = LabMap("x", places=(WELL,)).to_json()
    assert "not ready:" not in inspected(capsys)


def test_what_a_controller_could_not_do_is_told(told: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert not [line for line in inspected(capsys) if "in trouble" in line]
    told["troubles"] = [TROUBLE]
    lines = inspected(capsys)
    assert lines[-2].startswith("in trouble")
    assert lines[-1] == f"  {TROUBLE}"
