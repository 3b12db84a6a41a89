"""What `kubectl get services,endpointslices,nodes -A -o yaml` printed, as kube-proxy on one node sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.cluster.objects import Endpoint
from lab.cluster.recorded.dump import read_dump
from lab.cluster.recorded.written import Written, written_cluster
from lab.errors import FileError, UsageError

OBJECTS = (Path(__file__).parents[3] / "golden" / "rules" / "objects.yaml").read_text()


def seen(*items: dict[str, Any], node: str = "node-0") -> Written:
    """What kube-proxy on the node sees of the objects."""
    return written_cluster(read_dump(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}), "dump"), node)


def service(name: str = "web", labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": {"clusterIP": "10.96.0.20", "ports": [{"name": "http", "port": 80}], **spec},
    }


def endpoints(*members: dict[str, Any], name: str = "web-a", **fields: Any) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": list(members),
        "ports": [{"name": "http", "port": 8080}],
        **fields,
    }


def node(name: str = "node-0", zone: str = "") -> dict[str, Any]:
    labels = {"topology.kubernetes.io/zone": zone} if zone else {}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


def addresses(written: Written) -> list[str]:
    return [one.address for item in written.cluster.slices for port in item.ports for one in port.endpoints]


def test_every_form_in_which_objects_are_written_means_the_same() -> None:
    items = yaml.safe_load(OBJECTS)["items"]
    forms = {
        "a List in YAML": OBJECTS,
        "a List in JSON": json.dumps(yaml.safe_load(OBJECTS), indent=4),
        "documents in YAML": yaml.safe_dump_all(items),
        "JSON, one after the other": "\n".join(map(json.dumps, items)),
        "lists of one kind each, as the API gives them": "\n".join(
            json.dumps({"apiVersion": version, "kind": f"{kind}List", "items": bare(items, kind)})
            for version, kind in (("v1", "Service"), ("discovery.k8s.io/v1", "EndpointSlice"), ("v1", "Node"))
        ),
        "with what an editor puts in front": "\ufeff\n" + json.dumps(yaml.safe_load(OBJECTS)),
    }
    expected = written_cluster(read_dump(OBJECTS, "dump"), "node-0")
    for form, text in forms.items():
        assert written_cluster(read_dump(text, "dump"), "node-0") == expected, form


def bare(items: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Objects of a kind without saying so, as items of a typed list are."""
    own = [item for item in items if item["kind"] == kind]
    return [{key: value for key, value in item.items() if key not in ("apiVersion", "kind")} for item in own]


def test_the_node_s_own_address_is_the_internal_one() -> None:
    item = node()
    item["status"] = {
        "addresses": [
            {"type": "ExternalIP", "address": "203.0.113.9"},
            {"type": "Hostname", "address": "node-0"},
            {"type": "InternalIP", "address": "fd00::1"},
            {"type": "InternalIP", "address": "10.0.1.10"},
        ]
    }
    assert seen(item, service()).node_addresses == ("10.0.1.10", "203.0.113.9")


def test_conditions_that_nobody_gave_mean_ready_and_serving() -> None:
    written = seen(
        service(),
        endpoints(
            {"addresses": ["10.244.0.1"]},
            {"addresses": ["10.244.0.2"], "conditions": {"ready": None, "serving": None, "terminating": None}},
            {"addresses": ["10.244.0.3"], "conditions": {"ready": False, "serving": True, "terminating": True}},
        ),
    )
    assert written.cluster.slices[0].ports[0].endpoints == (
        Endpoint(address="10.244.0.1"),
        Endpoint(address="10.244.0.2"),
        Endpoint(address="10.244.0.3", ready=False, serving=True, terminating=True),
    )


def test_what_a_dump_may_hold_and_mean_nothing() -> None:
    written = seen(
        service(),
        endpoints({"addresses": ["10.244.0.1"]}, endpoints=None, ports=None),
        endpoints({"addresses": ["10.244.0.2"]}, name="web-all-ports", ports=[{"name": "", "port": None}]),
        endpoints({"addresses": ["fd00::1"]}, name="web-6", addressType="IPv6"),
        endpoints({"addresses": ["example.com"]}, name="web-names", addressType="FQDN"),
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": None}},
        {"apiVersion": "example.com/v9", "kind": "Anything"},
        node(),
    )
    assert addresses(written) == []


def test_another_proxy_s_services_and_slices_of_headless_ones_are_not_programmed() -> None:
    proxied = {"service.kubernetes.io/service-proxy-name": "other"}
    headless = {"service.kubernetes.io/headless": ""}
    labelled = endpoints({"addresses": ["10.244.0.9"]}, name="web-headless")
    labelled["metadata"]["labels"] |= headless
    written = seen(service(), service("other", proxied), service("none", headless), labelled, node())
    assert [item.name for item in written.cluster.services if item.proxy is None] == ["web", "none"]
    assert addresses(written) == []


def test_that_anybody_may_is_no_restriction() -> None:
    written = seen(service(loadBalancerSourceRanges=[" 203.0.113.7/24 ", "\t0.0.0.0/0"]), node())
    assert written.cluster.services[0].source_ranges == ()


def test_addresses_of_the_other_family_are_passed_over() -> None:
    written = seen(
        service(
            clusterIP="fd00::20",
            clusterIPs=["fd00::20", "10.96.0.20"],
            externalIPs=["2001:db8::1", "192.0.2.1"],
            loadBalancerSourceRanges=["2001:db8::/32", " 203.0.113.7/24 "],
        ),
        service("six", clusterIP="fd00::21"),
        service("headless", clusterIP="None"),
        service("elsewhere", clusterIP="10.96.0.9", type="ExternalName"),
        node(),
    )
    assert [item.cluster_ip for item in written.cluster.services] == ["10.96.0.20", "", "", ""]
    assert written.cluster.services[0].external_ips == ("192.0.2.1",)
    assert written.cluster.services[0].source_ranges == ("203.0.113.0/24",)


def test_a_load_balancer_that_proxies_by_itself_is_not_programmed() -> None:
    item = service(type="LoadBalancer")
    item["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1", "ipMode": "Proxy"}, {"ip": "192.0.2.2"}]}}
    assert seen(item).cluster.services[0].load_balancer_ips == ("192.0.2.2",)


def test_an_external_policy_counts_only_for_what_can_be_reached_from_outside() -> None:
    inside = seen(service(externalTrafficPolicy="Local")).cluster.services[0]
    outside = seen(service(externalTrafficPolicy="Local", type="NodePort")).cluster.services[0]
    assert (inside.external_policy, outside.external_policy) == ("Cluster", "Local")


def hinted(address: str, zone: str) -> dict[str, Any]:
    return {"addresses": [address], "hints": {"forZones": [{"name": zone}]}}


def test_hints_and_the_nodes_zones_are_read() -> None:
    member = hinted("10.244.0.1", "a")
    member["hints"]["forNodes"] = [{"name": "node-0"}, {"name": "node-1"}]
    cluster = seen(service(), endpoints(member), node("node-0", "a"), node("node-1")).cluster
    [found] = cluster.slices[0].ports[0].endpoints
    assert (found.for_nodes, found.for_zones) == (("node-0", "node-1"), ("a",))
    assert cluster.zones == (("node-0", "a"),)


def test_a_node_that_is_not_there_is_refused_with_the_likeliest() -> None:
    with pytest.raises(UsageError) as refused:
        seen(service(), node("worker-1"), node="worker-2")
    assert refused.value.hint == "did you mean 'worker-1'?"


@pytest.mark.parametrize(
    ("items", "warning"),
    [
        ((service(),), "there is no Node among the objects"),
        ((service(clusterIP=None), node()), "shop/web: without a clusterIP"),
        ((node(),), "there is no Service among the objects"),
        ((service(), node()), "there is no EndpointSlice among the objects"),
        ((service(), {"apiVersion": "v1", "kind": "Endpoints"}, node()), "kube-proxy reads EndpointSlices"),
        ((service("other"), endpoints({"addresses": ["10.0.0.1"]}), node()), "shop/web: there are endpoints, but"),
    ],
)
def test_what_is_probably_not_meant_is_said(items: tuple[dict[str, Any], ...], warning: str) -> None:
    said = seen(*items).warnings
    assert any(one.startswith(warning) for one in said), said


WRONG = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIP: 10.96.0.300
  ports:
  - {name: 'a"b', port: 70000}
---
apiVersion: v1
kind: Service
metadata: {name: "web\\nCOMMIT", namespace: shop}
spec: {clusterIP: 10.96.0.1}
"""


def test_what_cannot_be_is_told_with_its_place() -> None:
    with pytest.raises(FileError) as refused:
        read_dump(WRONG, "dump.yaml")
    told = [f"{one.line}:{one.column} {one.field}: {one.problem}" for one in refused.value.mistakes]
    assert told == [
        "5:14 spec.clusterIP: this is not an IP address",
        "7:12 spec.ports[0].name: this is not a port's name",
        "7:25 spec.ports[0].port: 70000 is too large",
        "11:18 metadata.name: 'web\\nCOMMIT' cannot be a name",
    ]


def test_in_json_too() -> None:
    text = json.dumps({"kind": "List", "items": [service(clusterIP="10.96.0")]}, indent=1)
    with pytest.raises(FileError) as refused:
        read_dump(text, "dump.json")
    mistake = refused.value.mistakes[0]
    assert text.split("\n")[mistake.line - 1].strip().startswith('"clusterIP"')


def test_an_endpoint_s_address_is_of_its_slice_s_family() -> None:
    with pytest.raises(FileError, match=r"items\[1\]\.endpoints\[0\]\.addresses\[0\]"):
        seen(service(), endpoints({"addresses": ["10.244.0.300"]}), node())


@pytest.mark.parametrize("text", ["{", "[1, 2", "nothing", "kind: Service", "{}", "- 1", "a: [" * 100])
def test_what_is_no_dump_is_refused(text: str) -> None:
    with pytest.raises(FileError):
        read_dump(text, "dump")


def test_an_anchor_in_what_nobody_reads_still_counts() -> None:
    text = yaml.safe_dump(service()).replace("port: 80", "port: *number")
    text = text.replace("metadata:", "other: {x: &number 80}\nmetadata:", 1)
    lines = text.split("\n")
    moved = "\n".join([line for line in lines if line.startswith("other")] + [x for x in lines if "other" not in x])
    dump = read_dump(moved, "dump")
    assert [item.spec.ports[0].port for _, item in dump.found] == [80]  # type: ignore[union-attr]


def test_the_same_object_twice_is_refused() -> None:
    with pytest.raises(FileError, match="the Service shop/web is already there"):
        seen(service(), service())
