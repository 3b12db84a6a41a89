"""Tables as `kubectl get` prints them, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from lab.api.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    ENDPOINTS,
    ENDPOINTSLICES,
    EVENTS,
    NAMESPACES,
    NODES,
    PODS,
    REPLICASETS,
    SERVICES,
    Resource,
)
from lab.api.tables.rows import table

Json = dict[str, Any]

NOW = "2024-05-01T12:00:00Z"
EARLIER = "2024-05-01T11:59:50Z"  # 10 s before
META = {"name": "x", "namespace": "shop", "creationTimestamp": EARLIER}

# Of each kind, what shows without and with `-o wide`.
HEADERS = {
    PODS: ("Name Ready Status Restarts Age", "IP Node Nominated_Node Readiness_Gates"),
    SERVICES: ("Name Type Cluster-IP External-IP Port(s) Age", "Selector"),
    NODES: ("Name Status Roles Age Version", "Internal-IP External-IP OS-Image Kernel-Version Container-Runtime"),
    ENDPOINTSLICES: ("Name AddressType Ports Endpoints Age", ""),
    ENDPOINTS: ("Name Endpoints Age", ""),
    DEPLOYMENTS: ("Name Ready Up-to-date Available Age", "Containers Images Selector"),
    REPLICASETS: ("Name Desired Current Ready Age", "Containers Images Selector"),
    NAMESPACES: ("Name Status Age", ""),
    CONFIGMAPS: ("Name Data Age", ""),
    EVENTS: ("Last_Seen Type Reason Object Message", "Subobject Source First_Seen Count Name"),
}


def cells(resource: Resource, item: Json) -> list[Any]:
    made = table(resource, [{"metadata": META, **item}], NOW)
    [row] = made["rows"]
    assert len(row["cells"]) == len(made["columnDefinitions"]), "as many cells as columns"
    return list(row["cells"])


@pytest.mark.parametrize("resource", HEADERS, ids=lambda resource: resource.plural)
def test_columns_are_those_of_a_cluster(resource: Resource) -> None:
    columns = table(resource, [], NOW)["columnDefinitions"]
    shown = tuple(
        " ".join(one["name"].replace(" ", "_") for one in columns if one["priority"] == priority) for priority in (0, 1)
    )
    assert shown == HEADERS[resource]
    assert all(set(one) == {"name", "type", "format", "description", "priority"} for one in columns)


def test_a_row_carries_as_much_of_its_object_as_was_asked_for() -> None:
    pod = {"metadata": META, "status": {"phase": "Running"}}
    rows = {how: table(PODS, [pod], NOW, include_object=how)["rows"][0] for how in ("None", "Metadata", "Object")}
    assert "object" not in rows["None"]
    told = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": META}
    assert rows["Metadata"]["object"] == told
    assert rows["Object"]["object"] == {"kind": "Pod", "apiVersion": "v1", **pod}


def running(*, ready: bool = True, restarts: int = 0, ended: str = "") -> Json:
    last = {"lastState": {"terminated": {"finishedAt": ended}}} if ended else {}
    return {"name": "c", "ready": ready, "restartCount": restarts, "state": {"running": {}}, **last}


def state(**states: Json) -> Json:
    return {"name": "c", "ready": False, "restartCount": 0, "state": states}


ONE = {"containers": [{"name": "c"}]}
TWO = {"containers": [{"name": "c"}, {"name": "d"}]}
READY = [{"type": "Ready", "status": "True"}]

PODS_SEEN = {
    "pending": (ONE, {"phase": "Pending"}, "0/1 Pending 0"),
    "being made": (
        ONE,
        {"phase": "Pending", "containerStatuses": [state(waiting={"reason": "ContainerCreating"})]},
        "0/1 ContainerCreating 0",
    ),
    "running": (ONE, {"phase": "Running", "containerStatuses": [running()]}, "1/1 Running 0"),
    "not ready": (ONE, {"phase": "Running", "containerStatuses": [running(ready=False)]}, "0/1 Running 0"),
    "restarted": (
        ONE,
        {"phase": "Running", "containerStatuses": [running(restarts=3, ended=EARLIER)]},
        "1/1 Running 3_(10s_ago)",
    ),
    "crashing": (
        ONE,
        {"phase": "Running", "containerStatuses": [state(waiting={"reason": "CrashLoopBackOff"})]},
        "0/1 CrashLoopBackOff 0",
    ),
    "ended": (
        ONE,
        {"phase": "Succeeded", "containerStatuses": [state(terminated={"exitCode": 0, "reason": "Completed"})]},
        "0/1 Completed 0",
    ),
    "exited": (ONE, {"phase": "Failed", "containerStatuses": [state(terminated={"exitCode": 3})]}, "0/1 ExitCode:3 0"),
    "killed": (
        ONE,
        {"phase": "Failed", "containerStatuses": [state(terminated={"exitCode": 137, "signal": 9})]},
        "0/1 Signal:9 0",
    ),
    "evicted": (ONE, {"phase": "Failed", "reason": "Evicted"}, "0/1 Evicted 0"),
    "one of two ended": (
        TWO,
        {
            "phase": "Running",
            "containerStatuses": [state(terminated={"exitCode": 0, "reason": "Completed"}), running()],
        },
        "1/2 NotReady 0",
    ),
    "one of two ended, ready": (
        TWO,
        {
            "phase": "Running",
            "conditions": READY,
            "containerStatuses": [state(terminated={"exitCode": 0, "reason": "Completed"}), running()],
        },
        "1/2 Running 0",
    ),
    "initializing": (
        {**ONE, "initContainers": [{"name": "i"}, {"name": "j"}]},
        {"phase": "Pending", "initContainerStatuses": [state(terminated={"exitCode": 0}), state(running={})]},
        "0/1 Init:1/2 0",
    ),
    "init failed": (
        {**ONE, "initContainers": [{"name": "c"}]},
        {"phase": "Pending", "initContainerStatuses": [state(terminated={"exitCode": 2, "reason": "Error"})]},
        "0/1 Init:Error 0",
    ),
    "beside a sidecar": (
        {**ONE, "initContainers": [{"name": "c", "restartPolicy": "Always"}]},
        {
            "phase": "Running",
            "initContainerStatuses": [{**running(restarts=1), "started": True}],
            "containerStatuses": [running(restarts=2)],
        },
        "2/2 Running 3",
    ),
    "gated": (
        ONE,
        {"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]},
        "0/1 SchedulingGated 0",
    ),
}


@pytest.mark.parametrize(("spec", "status", "told"), PODS_SEEN.values(), ids=PODS_SEEN)
def test_a_pods_status(spec: Json, status: Json, told: str) -> None:
    _, ready, reason, restarts, age, *_ = cells(PODS, {"spec": spec, "status": status})
    assert " ".join((ready, reason, restarts.replace(" ", "_"))) == told
    assert age == "10s"


def test_a_pod_that_is_being_deleted_says_so_unless_it_has_ended() -> None:
    going = {"metadata": {**META, "deletionTimestamp": NOW}, "spec": ONE}
    assert cells(PODS, {**going, "status": {"phase": "Running", "containerStatuses": [running()]}})[2] == "Terminating"
    assert cells(PODS, {**going, "status": {"phase": "Succeeded"}})[2] == "Succeeded"
    assert cells(PODS, {**going, "status": {"phase": "Running", "reason": "NodeLost"}})[2] == "Unknown"


def test_a_pods_wide_cells() -> None:
    gates = {"readinessGates": [{"conditionType": "a"}, {"conditionType": "b"}]}
    status = {"podIPs": [{"ip": "10.244.0.2"}], "conditions": [{"type": "a", "status": "True"}]}
    pod = {"spec": {**ONE, "nodeName": "node-0", **gates}, "status": status}
    assert cells(PODS, pod)[5:] == ["10.244.0.2", "node-0", "<none>", "1/2"]
    assert cells(PODS, {"spec": ONE})[5:] == ["<none>"] * 4


PORTS = [{"port": 80, "protocol": "TCP"}, {"port": 53, "nodePort": 30053, "protocol": "UDP"}]
SERVICES_SEEN = {
    "inside": (
        {"type": "ClusterIP", "clusterIP": "172.16.0.9", "ports": PORTS[:1]},
        {},
        "ClusterIP 172.16.0.9 <none> 80/TCP",
    ),
    "headless": ({"type": "ClusterIP", "clusterIP": "None"}, {}, "ClusterIP None <none> <none>"),
    "node ports": (
        {"type": "NodePort", "clusterIP": "172.16.0.9", "ports": PORTS},
        {},
        "NodePort 172.16.0.9 <none> 80/TCP,53:30053/UDP",
    ),
    "waiting": ({"type": "LoadBalancer", "clusterIP": "172.16.0.9"}, {}, "LoadBalancer 172.16.0.9 <pending> <none>"),
    "balanced": (
        {"type": "LoadBalancer", "clusterIP": "172.16.0.9", "externalIPs": ["192.0.2.1"]},
        {"loadBalancer": {"ingress": [{"ip": "203.0.113.2"}, {"hostname": "lb.example.com"}]}},
        "LoadBalancer 172.16.0.9 203.0.113.2,lb.example.com,192.0.2.1 <none>",
    ),
    "a name": ({"type": "ExternalName", "externalName": "example.com"}, {}, "ExternalName <none> example.com <none>"),
}


@pytest.mark.parametrize(("spec", "status", "told"), SERVICES_SEEN.values(), ids=SERVICES_SEEN)
def test_a_service(spec: Json, status: Json, told: str) -> None:
    assert " ".join(cells(SERVICES, {"spec": spec, "status": status})[1:5]) == told


def test_slices_show_three_addresses_and_how_many_more() -> None:
    endpoints = [{"addresses": [f"10.244.0.{i}"]} for i in range(5)]
    told = cells(ENDPOINTSLICES, {"addressType": "IPv4", "ports": [{"port": 80}, {}], "endpoints": endpoints})
    assert told == ["x", "IPv4", "80,*", "10.244.0.0,10.244.0.1,10.244.0.2 + 2 more...", "10s"]
    assert cells(ENDPOINTSLICES, {"addressType": "IPv4"})[2:4] == ["<unset>", "<unset>"]


def test_endpoints_show_each_address_with_each_port() -> None:
    subset = {"addresses": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}], "ports": [{"port": 80}, {"port": 443}]}
    assert cells(ENDPOINTS, {"subsets": [subset]})[1] == "10.0.0.1:80,10.0.0.2:80,10.0.0.1:443 + 1 more..."
    assert cells(ENDPOINTS, {"subsets": [{"addresses": [{"ip": "10.0.0.1"}]}]})[1] == "10.0.0.1"
    assert cells(ENDPOINTS, {})[1] == "<none>"


def test_deployments_and_replicasets() -> None:
    selector = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["b", "a"]},
            {"key": "old", "operator": "DoesNotExist"},
        ],
    }
    spec = {
        "replicas": 2,
        "selector": selector,
        "template": {"spec": {"containers": [{"name": "c", "image": "web:1"}]}},
    }
    wide = ["c", "web:1", "app=web,!old,tier in (a,b)"]
    status = {"replicas": 3, "readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1}
    assert cells(DEPLOYMENTS, {"spec": spec, "status": status}) == ["x", "1/2", 2, 1, "10s", *wide]
    assert cells(REPLICASETS, {"spec": spec, "status": status}) == ["x", 2, 3, 1, "10s", *wide]


def test_nodes() -> None:
    labels = {"node-role.kubernetes.io/control-plane": ""}
    node = {
        "metadata": {**META, "labels": labels},
        "spec": {"unschedulable": True},
        "status": {
            "conditions": READY,
            "addresses": [{"type": "InternalIP", "address": "10.0.1.10"}],
            "nodeInfo": {"kubeletVersion": "v1.32.0", "kernelVersion": "6.1"},
        },
    }
    assert cells(NODES, node) == [
        "x",
        "Ready,SchedulingDisabled",
        "control-plane",
        "10s",
        "v1.32.0",
        "10.0.1.10",
        "<none>",
        "<unknown>",
        "6.1",
        "<unknown>",
    ]
    assert cells(NODES, {})[1:3] == ["Unknown", "<none>"]


def test_events_namespaces_and_configmaps() -> None:
    event = {
        "type": "Warning",
        "reason": "Unhealthy",
        "message": "Readiness probe failed\n",
        "involvedObject": {"kind": "Pod", "name": "pod-3", "fieldPath": "spec.containers{c}"},
        "source": {"component": "kubelet", "host": "node-2"},
        "firstTimestamp": "2024-05-01T11:58:00Z",
        "lastTimestamp": EARLIER,
        "count": 5,
    }
    told = ["10s", "Warning", "Unhealthy", "pod/pod-3", "spec.containers{c}", "kubelet, node-2"]
    assert cells(EVENTS, event) == [*told, "Readiness probe failed", "2m", 5, "x"]
    assert cells(NAMESPACES, {"status": {"phase": "Active"}}) == ["x", "Active", "10s"]
    assert cells(CONFIGMAPS, {"data": {"a": "1"}, "binaryData": {"b": "AA=="}}) == ["x", 2, "10s"]
