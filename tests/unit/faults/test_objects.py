"""Faults of objects: what each changes in the API, what follows from it, and that taking it back leaves nothing.

store of two-subnet ──edits──▶ the Service's endpoints ──take_back──▶ as before
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from lab.agent.design.blueprint import read_design, read_file
from lab.api.resources import PODS, SERVICES
from lab.control.own_objects import UNKNOWN
from lab.control.plane import ControlPlane
from lab.errors import FileError
from lab.faults.amendment import Edited, make, take_back
from lab.faults.catalogue import FAULTS, named
from lab.faults.fault import Placed
from lab.map import behind
from tests.unit.faults.test_faults import MYAPP, TEXT, placed

NAMES = [name for name, one in FAULTS.items() if one.is_of_objects]
OPEN = TEXT.replace("clusterIP: 172.16.10.10", "clusterIP: 172.16.10.10\n  type: NodePort")
HEARD = {f"namespace001/pod-{number}": (("tcp", 8080), ("udp", 8080)) for number in range(4)}


@pytest.fixture
def plane() -> ControlPlane:
    numbers = count()
    made = ControlPlane(lambda: "2000-01-01T00:00:00Z", lambda: f"uid-{next(numbers)}", lambda: 0.0, UNKNOWN)
    read = read_file(OPEN, "t.yaml", ())
    made.load(read.topology, read.documents)
    made.expected()
    return made


def service(plane: ControlPlane) -> dict[str, Any]:
    return plane.registry.get(SERVICES, "namespace001", "myapp")


def put(plane: ControlPlane, name: str) -> tuple[Edited, ...]:
    return make(plane.registry, placed(named(name), MYAPP).edits(plane.store))


def reason(plane: ControlPlane) -> behind.Reason:
    """Why nobody is behind myapp, and what mends it."""
    cluster = plane.picture().cluster
    (one,) = (one for one in cluster.services if one.full_name == MYAPP)
    return behind.reason(one, 0, (), cluster, HEARD)


@pytest.mark.parametrize("name", NAMES)
def test_taking_back_leaves_the_objects_as_they_were(plane: ControlPlane, name: str) -> None:
    def held() -> list[object]:
        pods = [(pod["metadata"]["name"], pod["metadata"].get("annotations")) for pod in plane.store.each(PODS)]
        return [service(plane)["spec"], pods]

    before = held()
    made = put(plane, name)
    assert held() != before, f"{name} changes nothing"
    assert take_back(plane.registry, made) == ()
    now = held()
    assert now[0] == before[0]
    assert [(pod, marks or {}) for pod, marks in now[1]] == [(pod, marks or {}) for pod, marks in before[1]]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "why", "mends"),
    [
        (
            "selector-mismatch",
            "no pod has the labels of its selector, app=myapp-v2; 2 pods have app=myapp",
            """-p '{"spec":{"selector":{"app":"myapp"}}}'""",
        ),
        (
            "target-port-unnamed",
            "the pods match; none has a port called `web`; their ports have no names",
            """--type=json -p '[{"op":"replace","path":"/spec/ports/0/targetPort","value":8080}]'""",
        ),
    ],
)
def test_who_has_no_endpoint_is_told_why_and_what_mends_it(
    plane: ControlPlane, name: str, why: str, mends: str
) -> None:
    put(plane, name)
    assert reason(plane) == behind.Reason(why, (f"kubectl patch service myapp -n namespace001 {mends}",))


def test_what_somebody_changed_meanwhile_stays_theirs_and_is_told(plane: ControlPlane) -> None:
    made = put(plane, "selector-mismatch")
    live = service(plane)
    plane.registry.update(SERVICES, {**live, "spec": {**live["spec"], "selector": {"app": "other", "tier": "web"}}})
    (told,) = take_back(plane.registry, made)
    assert told == "spec.selector.app of Service namespace001/myapp was changed meanwhile, and stays"
    assert service(plane)["spec"]["selector"] == {"app": "other", "tier": "web"}
    made = put(plane, "target-port-wrong")
    plane.registry.delete(SERVICES, "namespace001", "myapp")
    assert take_back(plane.registry, made) == ("Service namespace001/myapp is gone meanwhile",)


def test_what_somebody_added_beside_it_stays(plane: ControlPlane) -> None:
    made = put(plane, "target-port-wrong")
    live = service(plane)
    second = {"name": "other", "port": 81, "targetPort": 8080}
    plane.registry.update(SERVICES, {**live, "spec": {**live["spec"], "ports": [second, *live["spec"]["ports"]]}})
    assert take_back(plane.registry, made) == ()
    assert [(one["port"], one["targetPort"]) for one in service(plane)["spec"]["ports"]] == [(81, 8080), (80, 8080)]


def test_a_number_is_chosen_on_which_no_pod_listens(plane: ControlPlane) -> None:
    fault = named("target-port-wrong")
    (edit,) = Placed(fault, MYAPP, (("port", "8080"),)).edits(plane.store)
    assert edit.value == 8081


@pytest.fixture
def broken() -> Callable[..., str]:
    def text(*names: str) -> str:
        lines = "".join(f"    - {{name: {name}, on: {MYAPP}}}\n" for name in names)
        return OPEN.replace("spec:\n", f"spec:\n  faults:\n{lines}", 1)

    return text


def test_those_of_a_file_are_in_its_design(broken: Callable[..., str]) -> None:
    design = read_design(
        broken("selector-mismatch", "vxlan-blocked").replace(f"blocked, on: {MYAPP}", "blocked"), "t.yaml", ()
    )
    assert not design.ground.ready(MYAPP)
    assert [one.fault.name for one in design.faults] == ["vxlan-blocked"], "the others are in the cluster already"


def test_a_service_has_one_at_a_time(broken: Callable[..., str]) -> None:
    with pytest.raises(FileError) as refused:
        read_design(broken("selector-mismatch", "pods-not-ready"), "t.yaml", ())
    assert "selector-mismatch on namespace001/myapp is there already" in str(refused.value.mistakes[0])
