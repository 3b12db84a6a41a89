"""The lab's own objects: there, there again, and as the topology says."""

from __future__ import annotations

from lab.api.resources import (
    CONFIGMAPS,
    ENDPOINTS,
    ENDPOINTSLICES,
    IPADDRESSES,
    NAMESPACES,
    NODES,
    PODS,
    SERVICECIDRS,
    SERVICES,
)
from lab.control.own_objects import Machine
from tests.unit.control.world import World, addresses, topology


def test_a_cluster_begins_with_its_own_objects(world: World) -> None:
    assert world.names(NAMESPACES, "") == ["default", "kube-system"]
    assert world.names(NODES, "") == ["node-0", "node-1", "node-2"]
    assert world.names(SERVICES, "") == ["kubernetes", "kube-dns"]
    assert world.names(PODS, "kube-system") == ["dns-0", "dns-1"]
    assert world.names(CONFIGMAPS, "") == []
    dns = world.store.get(SERVICES, "kube-system", "kube-dns")["spec"]
    assert (dns["clusterIP"], dns["selector"]) == ("172.16.0.10", {"k8s-app": "kube-dns"})
    assert len(world.endpoints("kube-dns", "kube-system")) == 2


def test_the_api_servers_service_leads_to_the_first_node(world: World) -> None:
    spec = world.store.get(SERVICES, "default", "kubernetes")["spec"]
    assert spec["clusterIP"] == "172.16.0.1"
    assert (spec["ports"][0]["port"], spec["ports"][0]["targetPort"]) == (443, 6443)
    assert world.endpoints("kubernetes")[0]["addresses"] == ["10.0.1.10"]
    subset = world.store.get(ENDPOINTS, "default", "kubernetes")["subsets"][0]
    assert (subset["addresses"][0]["ip"], subset["ports"][0]["port"]) == ("10.0.1.10", 6443)
    found = world.store.list(ENDPOINTSLICES, "default")
    assert [item["metadata"]["name"] for item in found] == ["kubernetes"], "its Endpoints are not mirrored"


def test_nodes_say_what_kubectl_shows_of_them(world: World) -> None:
    machine = Machine({"kernelVersion": "6.1", "architecture": "arm64"}, {"cpu": "2"})
    world.system.use(topology(), addresses(3), "", machine, {"node-0": ("10.244.0.0/26", "10.244.1.0/26")})
    node = world.store.get(NODES, "", "node-0")
    assert node["spec"]["podCIDR"] == "10.244.0.0/26"
    assert node["status"]["addresses"][0] == {"type": "InternalIP", "address": "10.0.1.10"}
    assert (node["status"]["capacity"]["cpu"], node["status"]["capacity"]["pods"]) == ("2", "110")
    assert node["metadata"]["labels"]["kubernetes.io/arch"] == "arm64"
    ready = [one["status"] for one in node["status"]["conditions"] if one["type"] == "Ready"]
    assert ready == ["True"]


def test_labels_of_nodes_are_the_topologys_and_those_that_people_add_stay(world: World) -> None:
    def labels() -> dict[str, str]:
        found: dict[str, str] = world.store.get(NODES, "", "node-0")["metadata"]["labels"]
        return found

    zoned = "nodes: [{name: node-0, zone: east, labels: {disk: fast}}, {name: node-1}, {name: node-2}]"
    world.system.use(topology(spec=zoned), addresses(3))
    assert (labels()["topology.kubernetes.io/zone"], labels()["disk"]) == ("east", "fast")
    world.change(NODES, "node-0", "", metadata={"labels": {**labels(), "mine": "yes"}})
    world.system.use(topology(), addresses(3))
    assert "topology.kubernetes.io/zone" not in labels()
    assert "disk" not in labels()
    assert (labels()["mine"], labels()["kubernetes.io/hostname"]) == ("yes", "node-0")


def test_blocks_that_nodes_claim_are_told_and_nothing_else_changes(world: World) -> None:
    world.change(SERVICES, "kube-dns", "kube-system", spec={"selector": {"k8s-app": "broken"}})
    world.system.tell_blocks({"node-1": ("10.244.0.64/26",)})
    world.run()
    assert world.store.get(NODES, "", "node-1")["spec"]["podCIDRs"] == ["10.244.0.64/26"]
    assert "podCIDR" not in world.store.get(NODES, "", "node-0")["spec"]
    assert world.store.get(SERVICES, "kube-system", "kube-dns")["spec"]["selector"] == {"k8s-app": "broken"}
    before = world.store.revision
    world.system.tell_blocks({"node-1": ("10.244.0.64/26",)})
    assert world.store.revision == before


def test_what_somebody_deletes_is_made_again(world: World) -> None:
    before = world.store.get(PODS, "kube-system", "dns-0")["metadata"]["uid"]
    world.delete(PODS, "dns-0", "kube-system")
    world.delete(SERVICES, "kube-dns", "kube-system")
    world.delete(SERVICES, "kubernetes")
    world.delete(NODES, "node-1")
    world.run()
    assert world.store.get(PODS, "kube-system", "dns-0")["metadata"]["uid"] != before
    assert world.store.get(SERVICES, "kube-system", "kube-dns")["spec"]["clusterIP"] == "172.16.0.10"
    assert len(world.endpoints("kube-dns", "kube-system")) == 2
    assert "node-1" in world.names(NODES, "")
    assert world.names(SERVICES) == ["kubernetes"]


def test_an_edited_corefile_is_kept_and_a_deleted_one_comes_back() -> None:
    world = World(spec="dns: {server: coredns}")
    configmap = world.store.get(CONFIGMAPS, "kube-system", "coredns")
    assert configmap["data"] == {"Corefile": "the Corefile"}
    world.system.use(topology(spec="dns: {server: coredns}"), addresses(3), "another")
    assert world.store.get(CONFIGMAPS, "kube-system", "coredns")["data"] == {"Corefile": "another"}
    world.change(CONFIGMAPS, "coredns", "kube-system", data={"Corefile": "mine"})
    world.run()
    world.system.use(topology(spec="dns: {server: coredns}"), addresses(3), "a third")
    assert world.store.get(CONFIGMAPS, "kube-system", "coredns")["data"] == {"Corefile": "mine"}
    world.delete(CONFIGMAPS, "coredns", "kube-system")
    world.run()
    assert world.store.get(CONFIGMAPS, "kube-system", "coredns")["data"] == {"Corefile": "a third"}


def test_another_topology_changes_nodes_and_dns(world: World) -> None:
    cordoned = world.change(NODES, "node-1", "", spec={"unschedulable": True})
    world.change(SERVICES, "kube-dns", "kube-system", spec={"selector": {"k8s-app": "broken"}})
    world.run()
    assert world.endpoints("kube-dns", "kube-system") == [], "what people edit stays edited"
    world.system.use(topology(2, "dns: {server: coredns, replicas: 1}"), addresses(2), "text")
    world.run()
    assert world.names(NODES, "") == ["node-0", "node-1"]
    assert world.store.get(NODES, "", "node-1")["spec"] == cordoned["spec"]
    assert world.names(PODS, "kube-system") == ["dns-0"]
    assert world.store.get(PODS, "kube-system", "dns-0")["metadata"]["annotations"]["hoplab.io/system"] == "coredns"
    assert len(world.endpoints("kube-dns", "kube-system")) == 1, "until the lab is brought to its file again"


def test_the_range_of_services_and_each_of_their_addresses_are_objects(world: World) -> None:
    def owners() -> dict[str, str]:
        found = world.store.list(IPADDRESSES)
        return {one["metadata"]["name"]: one["spec"]["parentRef"]["name"] for one in found}

    [held] = world.store.list(SERVICECIDRS)
    assert (held["metadata"]["name"], held["spec"]["cidrs"]) == ("kubernetes", ["172.16.0.0/16"])
    assert [one["status"] for one in held["status"]["conditions"]] == ["True"]
    assert owners() == {"172.16.0.1": "kubernetes", "172.16.0.10": "kube-dns"}
    world.service("web", clusterIP="172.16.5.5")
    world.service("none", clusterIP="None")
    world.run()
    assert owners()["172.16.5.5"] == "web"
    assert len(owners()) == 3
    world.delete(IPADDRESSES, "172.16.5.5")
    world.run()
    assert owners()["172.16.5.5"] == "web", "it is made again while the Service has the address"
    world.delete(SERVICES, "web")
    world.run()
    assert set(owners()) == {"172.16.0.1", "172.16.0.10"}


def test_an_address_that_somebody_took_stays_theirs(world: World) -> None:
    reference = {"group": "example.com", "resource": "things", "name": "mine"}
    world.make(IPADDRESSES, {"metadata": {"name": "172.16.7.7"}, "spec": {"parentRef": reference}})
    world.run()
    assert world.store.get(IPADDRESSES, "", "172.16.7.7")["spec"]["parentRef"]["name"] == "mine"
