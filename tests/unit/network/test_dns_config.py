"""What dnsmasq is told. That it answers so is shown by the integration tests."""

from __future__ import annotations

import json

from lab.cluster.objects import Endpoint, EndpointSlice, Pod, PortEndpoints, Service, ServicePort
from lab.network.dns import cluster_config, resolver_config
from lab.network.objects import File, Process, Symlink
from tests.unit.network.small_labs import Lab, cluster, made, spec, two_subnet

Z = "default.svc.cluster.local"


def told(*services: Service, slices: tuple[EndpointSlice, ...] = (), pods: tuple[Pod, ...] = ()) -> list[str]:
    topology = spec({"node-0": "subnet-a"})
    lab = made(topology, cluster(topology, *pods, services=services, slices=slices))
    return cluster_config(lab.topology, lab.cluster, lab.addresses).splitlines()


def bundle(lab: Lab) -> dict[str, str]:
    files = (item for item in lab.network if isinstance(item, File))
    return {item.path: item.content for item in files if item.place == "kube-system/dns-0"}


def test_a_service_has_its_name_its_ports_and_its_endpoints_names() -> None:
    lab = two_subnet()
    lines = cluster_config(lab.topology, lab.cluster, lab.addresses).splitlines()
    name = "myapp.namespace001.svc.cluster.local"
    assert [line for line in lines if name in line] == [
        f"host-record=10-244-0-129.{name},10.244.0.129",
        f"host-record=10-244-0-65.{name},10.244.0.65",
        f"host-record={name},172.16.10.10",
        f"srv-host=_http._tcp.{name},{name},80,0,100",
    ]


def test_a_headless_service_has_its_ready_endpoints_by_hostname_or_address() -> None:
    endpoints = (
        Endpoint(pod="default/web-0", hostname="web-0"),
        Endpoint(address="10.9.9.9"),
        Endpoint(address="10.9.9.8", ready=False),
    )
    slices = (EndpointSlice("default", "web-1", "web", (PortEndpoints("http", "TCP", 8080, endpoints),)),)
    service = Service("default", "web", "ClusterIP", "", (ServicePort("http", "TCP", 80, 8080),))
    lines = told(service, slices=slices, pods=(Pod("default", "web-0", "node-0"),))
    assert [line for line in lines if f"web.{Z}" in line] == [
        f"host-record=10-9-9-9.web.{Z},10.9.9.9",
        f"host-record=web-0.web.{Z},10.244.0.1",
        f"host-record=web.{Z},10.9.9.9",
        f"host-record=web.{Z},10.244.0.1",
        f"srv-host=_http._tcp.web.{Z},10-9-9-9.web.{Z},8080,0,50",
        f"srv-host=_http._tcp.web.{Z},web-0.web.{Z},8080,0,50",
    ]


def test_an_external_name_is_an_alias_and_its_target_is_known_when_it_is_the_labs_own() -> None:
    inside = Service("default", "web", "ExternalName", "", external_name="www.example.com")
    outside = Service("default", "far", "ExternalName", "", external_name="www.example.org")
    lines = told(inside, outside)
    assert "host-record=www.example.com,203.0.113.80" in lines
    assert f"cname=web.{Z},www.example.com" in lines
    assert [line for line in lines if "example.org" in line] == [f"cname=far.{Z},www.example.org"]


def test_names_outside_are_forwarded_and_the_rest_of_the_zone_is_not() -> None:
    lines = told()
    assert "server=203.0.113.53" in lines
    assert "local=/cluster.local/" in lines


def test_the_resolver_of_the_internet_knows_its_names_and_forwards_nothing() -> None:
    lines = resolver_config(("www.example.com",), two_subnet().addresses).splitlines()
    assert "host-record=www.example.com,203.0.113.80" in lines
    assert "local=/#/" in lines
    assert not [line for line in lines if line.startswith("server=")]


def test_the_container_has_the_machines_usr_read_only_and_the_pods_network() -> None:
    lab = two_subnet()
    config = json.loads(bundle(lab)["/run/hoplab/kube-system.dns-0/config.json"])
    usr = next(mount for mount in config["mounts"] if mount["destination"] == "/usr")
    assert (usr["source"], "ro" in usr["options"]) == ("/usr", True)
    kinds = {item["type"]: item.get("path") for item in config["linux"]["namespaces"]}
    assert kinds.pop("network") == "/run/netns/kube-system.dns-0"
    assert set(kinds) == {"pid", "ipc", "uts", "mount"}, "no user namespace of its own"
    links = {item.path.rpartition("/")[2]: item.target for item in lab.network if isinstance(item, Symlink)}
    assert links == {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}


def test_a_dns_server_starts_anew_only_when_what_it_reads_changes() -> None:
    def digest(lab: Lab) -> str:
        item = lab.network.by_key[("process", "kube-system/dns-0", "dnsmasq")]
        assert isinstance(item, Process)
        return item.config

    before = two_subnet()
    more = cluster(before.topology, *before.cluster.pods, Pod("namespace001", "more", "node-0"))
    same = with_pods(before, more.pods)
    assert digest(same) == digest(before), "a pod that no Service selects changes no name"
    fewer = cluster(before.topology, *before.cluster.pods, services=before.cluster.services[:1])
    assert digest(made(before.topology, fewer)) != digest(before)


def with_pods(lab: Lab, pods: tuple[Pod, ...]) -> Lab:
    old = lab.cluster
    return made(lab.topology, cluster(lab.topology, *pods, services=old.services, slices=old.slices), lab.addresses)
