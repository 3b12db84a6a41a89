"""The catalogue of faults: every entry says all there is to say, and changes the network where it says so."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from operator import mod

import pytest

from lab.agent.design.blueprint import Design, read_design
from lab.errors import UsageError
from lab.faults.catalogue import FAULTS, drawn, named, number
from lab.faults.fault import Commands, Fault, Placed, Rewrite, Stopping
from lab.network.components import named as component
from lab.plan import plan
from tests.integration.labs import ROOT

TEXT = (ROOT / "topologies" / "two-subnet.yaml").read_text(encoding="utf-8")
SETTINGS = {
    "calico": (),
    "flannel": ("cni.plugin=flannel", "cni.encapsulation=VXLAN"),
    "ipip": ("cni.encapsulation=IPIPCrossSubnet",),
    "none": ("cni.encapsulation=None",),
    "nftables": ("services.proxy=nftables",),
}
DESIGNS: dict[str, Design] = {
    name: read_design(
        TEXT.replace("clusterIP: 172.16.10.10", "clusterIP: 172.16.10.10\n  type: NodePort"), "t.yaml", one
    )
    for name, one in SETTINGS.items()
}


MYAPP = "namespace001/myapp"


def placed(fault: Fault, place: str) -> Placed:
    return Placed(fault, place, tuple(fault.given({}).items()))


def test_names_are_words_and_texts_are_one_line() -> None:
    for name, one in FAULTS.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name), name
        for text in (one.story, one.source, one.symptom, one.where):
            assert text and "\n" not in text and not text.endswith("."), f"{name}: {text!r}"


@pytest.mark.parametrize("name", FAULTS)
def test_each_shows_in_some_lab_and_changes_it_wherever_it_can_be(name: str) -> None:
    fault, shown = FAULTS[name], 0
    if fault.is_of_objects:
        assert fault.places(DESIGNS["calico"].ground) == (MYAPP,)
        return
    for kind, design in DESIGNS.items():
        for place in fault.places(design.ground):
            assert place in design.ground.kinds, f"{name}: {place} of {kind} is no place"
            faulted = replace(design, faults=(placed(fault, place),))
            steps = plan(faulted.held, design.network)
            assert bool(steps) == isinstance(fault.effect, Rewrite), f"{name} on {place} of {kind}: {steps}"
            shown += 1
    assert shown, f"{name} shows in none of {', '.join(DESIGNS)}"
    if isinstance(fault.effect, Commands):
        assert fault.effect.do and fault.effect.undo


def test_several_lie_upon_each_other_and_each_is_there() -> None:
    design = DESIGNS["calico"]
    names = ("vxlan-blocked", "default-deny", "wrong-vtep-mac", "ip-forward-off", "route-blackhole")
    faults = tuple(placed(named(name), "node-2") for name in names)
    whole = replace(design, faults=faults)
    chain = whole.held.by_key["chain", "node-2", "filter", "INPUT"]
    assert "--dport 4789 -j DROP" in str(chain)
    assert "--dport 22 -j ACCEPT" in str(chain)
    for left_out in faults:
        others = replace(design, faults=tuple(one for one in faults if one != left_out))
        assert plan(whole.held, others.held), f"{left_out.where} makes no difference beside the others"


def test_a_place_that_is_gone_has_no_faults() -> None:
    design = DESIGNS["calico"]
    gone = replace(design, faults=(placed(named("vxlan-blocked"), "node-9"),))
    assert not plan(gone.held, design.network)


@pytest.mark.parametrize(
    ("name", "on", "said", "message", "hint"),
    [
        ("vxlan-blockd", "", {}, "there is no fault 'vxlan-blockd'", "did you mean 'vxlan-blocked'?"),
        ("vxlan-blocked", "gateway", {}, "vxlan-blocked cannot be on 'gateway': it needs a node with", "router"),
        ("vxlan-blocked", "node-22", {}, "there is no place 'node-22'", "did you mean 'node-2'?"),
        ("ipip-blocked", "", {}, "ipip-blocked shows nowhere in this lab", "it needs a node with an IPIP tunnel"),
        ("vni-differs", "", {"vin": "7"}, "vni-differs has no parameter 'vin'", "did you mean 'vni'?"),
        ("vni-differs", "", {"vni": "x"}, "--with vni=x: it is a number from 1 to 16777215", "usually 77"),
        ("vxlan-blocked", "", {"port": "1"}, "vxlan-blocked has no parameter 'port'", "takes nothing"),
        ("selector-mismatch", "shop/web", {}, "there is no Service 'shop/web'", "it can be on namespace001/myapp"),
        ("selector-mismatch", "kube-dns", {}, "selector-mismatch cannot be on 'kube-dns'", "namespace001/myapp"),
        ("pods-not-ready", "a/b", {"service": "a/c"}, "--on a/b and --with service=a/c are two", "one of them"),
    ],
)
def test_what_cannot_be_is_refused_with_what_could(
    name: str, on: str, said: dict[str, str], message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as refused:
        fault = named(name)
        on, said = fault.aimed(on, said)
        fault.given(said)
        fault.chosen(on, DESIGNS["calico"].ground)
    assert message in refused.value.message
    assert hint in refused.value.hint


def test_chance_draws_what_shows() -> None:
    ground = DESIGNS["calico"].ground
    seen = {drawn(ground, partial(mod, turn))[0].name for turn in range(200)}
    assert len(seen) > 30
    assert "ipip-blocked" not in seen
    assert "bridge-nf-off" not in seen


def test_where_little_can_be_broken_little_can_be_drawn() -> None:
    alone = read_design("apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: alone}\n", "t.yaml", ())
    assert 0 < number(alone.ground) < number(DESIGNS["calico"].ground)


def test_what_stops_is_a_component() -> None:
    for one in FAULTS.values():
        if isinstance(one.effect, Stopping):
            assert component(one.effect.component)
