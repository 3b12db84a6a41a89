"""`get` in kubectl's columns."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from lab import terminal
from lab.errors import UsageError
from lab.tasks import columns


def created(seconds_ago: float) -> str:
    return datetime.fromtimestamp(time.time() - seconds_ago, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pod(name: str, **more: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "creationTimestamp": created(30.5 * 3600)},
        "spec": {"nodeName": "node-0"},
        "status": {
            "phase": "Running",
            "podIP": "10.244.0.2",
            "containerStatuses": [{"ready": more.get("ready", True), "restartCount": more.get("restarts", 0)}],
        },
    }


def service(**spec: Any) -> dict[str, Any]:
    whole = {"type": "ClusterIP", "clusterIP": "172.16.0.1", "ports": [], "selector": {}, **spec}
    return {"metadata": {"name": "web", "namespace": "shop", "creationTimestamp": created(30.5 * 3600)}, "spec": whole}


def test_pods() -> None:
    told = columns.table("pods", [pod("a"), pod("much-longer", ready=False, restarts=3)], wide=False, namespaced=False)
    assert told.splitlines() == [
        "NAME          READY   STATUS    RESTARTS   AGE",
        "a             1/1     Running   0          30h",
        "much-longer   0/1     Running   3          30h",
    ]


def test_wide_and_with_namespaces() -> None:
    head, line = columns.table("pods", [pod("a")], wide=True, namespaced=True).splitlines()
    assert head.split("   ")[0].strip() == "NAMESPACE"
    assert line.split() == ["shop", "a", "1/1", "Running", "0", "30h", "10.244.0.2", "node-0", "<none>", "<none>"]


SERVICES = [
    (service(), "web    ClusterIP   172.16.0.1   <none>        <none>    30h"),
    (
        service(ports=[{"port": 80, "protocol": "TCP"}, {"port": 53, "protocol": "UDP", "nodePort": 30053}]),
        "web    ClusterIP   172.16.0.1   <none>        80/TCP,53:30053/UDP   30h",
    ),
    (service(clusterIP="None"), "web    ClusterIP   None         <none>        <none>    30h"),
]


@pytest.mark.parametrize(("item", "line"), SERVICES)
def test_services(item: dict[str, Any], line: str) -> None:
    assert columns.table("services", [item], wide=False, namespaced=False).splitlines()[1].split() == line.split()


def test_slices_show_three_addresses_and_how_many_more() -> None:
    item = {
        "metadata": {"name": "web-x", "namespace": "shop", "creationTimestamp": created(30.5 * 3600)},
        "addressType": "IPv4",
        "ports": [{"port": 8080}],
        "endpoints": [{"addresses": [f"10.0.0.{number}"]} for number in range(5)],
    }
    line = columns.table("endpointslices", [item], wide=False, namespaced=False).splitlines()[1]
    assert "10.0.0.0,10.0.0.1,10.0.0.2 + 2 more..." in line
    assert "<unset>" in columns.table("endpointslices", [item | {"endpoints": []}], wide=False, namespaced=False)


@pytest.mark.parametrize(
    ("name", "resource"),
    [("po", "pods"), ("Pod", "pods"), ("svc", "services"), ("no", "nodes"), ("eps", "endpointslices")],
)
def test_kubectls_short_names(name: str, resource: str) -> None:
    assert columns.resource(name) == resource


def test_what_is_no_resource() -> None:
    with pytest.raises(UsageError, match="no resource 'unicorns'"):
        columns.resource("unicorns")


HOUR, DAY = 3600, 86400
AGES = [
    (0, "0s"),
    (59.9, "59s"),
    (119, "119s"),
    (120, "2m"),
    (190, "3m10s"),
    (599, "9m59s"),
    (600, "10m"),
    (3 * HOUR - 1, "179m"),
    (3 * HOUR, "3h"),
    (3 * HOUR + 300, "3h5m"),
    (8 * HOUR + 300, "8h"),
    (2 * DAY - 1, "47h"),
    (2 * DAY, "2d"),
    (2 * DAY + HOUR, "2d1h"),
    (8 * DAY + HOUR, "8d"),
]


@pytest.mark.parametrize(("seconds", "told"), AGES)
def test_ages_are_kubectls(seconds: float, told: str) -> None:
    assert terminal.age(seconds) == told
