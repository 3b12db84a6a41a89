"""Rare faults: the trace's JSON names place, cause and object, its commands mend it and take away nothing else.

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2        gateway ─── internet
pod-0 pod-1        pod-2                            pod-3
"""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, inv, until
from tests.integration.rare_losses import RARE, Rare


def asked(lab: Lab, of: tuple[str, ...]) -> dict[str, Any]:
    source, to, *options = of
    done = inv("trace", "--lab", lab.name, "--from", source, "--to", to, *options, "--json", "-")
    assert done.status in (0, 3), str(done)
    told: dict[str, Any] = json.loads(done.out)
    return told


def broken(lab: Lab, fault: Rare) -> dict[str, Any]:
    """What is lost once the fault is made; where an endpoint is chosen at random, the first request that is."""
    for place, command in fault.done:
        lab.exec_(place, "sh", "-c", command).ok()
    lost: dict[str, Any] | None = until(lambda: asked(lab, fault.asked)["lost"], "a request is lost")
    assert lost is not None
    return lost


@pytest.mark.parametrize("fault", RARE, ids=[fault.name for fault in RARE])
def test_a_rare_fault_is_named_and_mended(lab: LabFactory, fault: Rare) -> None:
    here = lab(fault.topology, *fault.options)
    before = here.plan()
    lost = broken(here, fault)
    assert (lost["object_place"], lost["cause"]) == (fault.place, fault.cause), lost
    assert not [word for word in fault.words if word not in lost["object"]], lost
    assert fault.why in lost["why"]
    assert bool(lost["fix"]) is fault.mends, lost
    if fault.mends:
        until(lambda: mended(here, fault, lost), f"{lost['fix']} has mended it")
        assert fault.leaves or here.plan() == before, "what the design has is there again, and nothing too many"


def mended(lab: Lab, fault: Rare, lost: dict[str, Any]) -> bool:
    """Whether the request is delivered once the commands were run; those of a second fault behind the first as well."""
    for one in lost["fix"]:
        lab.exec_(one["place"], *shlex.split(one["command"]))
    told = asked(lab, fault.asked)
    lost.update(told["lost"] or {})
    return bool(told["verdict"] == "delivered")
