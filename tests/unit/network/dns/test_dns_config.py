"""What dnsmasq and CoreDNS are told. That it answers so is shown by the integration tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from lab.cluster.objects import Endpoint, EndpointSlice, Pod, PortEndpoints, Service, ServicePort
from lab.network.design import design
from lab.network.dns import coredns, dnsmasq, servers
from lab.network.dns.coredns import Given
from lab.network.dns.dnsmasq import Told, resolver_told
from lab.network.objects import File, Process, Symlink
from lab.plan import plan
from lab.plan.commands import commands
from lab.plan.steps import AnyStep
from tests.unit.network.small_labs import Lab, cluster, made, spec, two_subnet

Z = "default.svc.cluster.local"


def told(*services: Service, slices: tuple[EndpointSlice, ...] = (), pods: tuple[Pod, ...] = ()) -> Told:
    topology = spec({"node-0": "subnet-a"})
    lab = made(topology, cluster(topology, *pods, services=services, slices=slices))
    return dnsmasq.told(lab.topology, lab.cluster, lab.addresses)


def about(name: str, one: Told) -> tuple[list[str], list[str]]:
    """The lines with that name: of the file that is read again at every change, and of the configuration."""
    hosts, config = ([line for line in text.splitlines() if name in line] for text in (one.hosts, one.config))
    return hosts, config


def bundle(lab: Lab) -> dict[str, str]:
    files = (item for item in lab.network if isinstance(item, File))
    return {item.path: item.content for item in files if item.place == "kube-system/dns-0"}


def test_a_service_has_its_name_its_ports_and_its_endpoints_names() -> None:
    lab = two_subnet()
    name = "myapp.namespace001.svc.cluster.local"
    hosts, config = about(name, dnsmasq.told(lab.topology, lab.cluster, lab.addresses))
    assert hosts == [f"10.244.0.129 10-244-0-129.{name}", f"10.244.0.65 10-244-0-65.{name}", f"172.16.10.10 {name}"]
    assert config == [f"srv-host=_http._tcp.{name},{name},80,0,100"]


def test_a_headless_service_has_its_ready_endpoints_by_hostname_or_address() -> None:
    endpoints = (
        Endpoint(pod="default/web-0", hostname="web-0"),
        Endpoint(address="10.9.9.9"),
        Endpoint(address="10.9.9.8", ready=False),
    )
    slices = (EndpointSlice("default", "web-1", "web", (PortEndpoints("http", "TCP", 8080, endpoints),)),)
    service = Service("default", "web", "ClusterIP", "", (ServicePort("http", "TCP", 80, 8080),))
    hosts, config = about(f"web.{Z}", told(service, slices=slices, pods=(Pod("default", "web-0", "node-0"),)))
    assert hosts == [
        f"10.9.9.9 10-9-9-9.web.{Z}",
        f"10.244.0.1 web-0.web.{Z}",
        f"10.9.9.9 web.{Z}",
        f"10.244.0.1 web.{Z}",
    ]
    assert config == [
        f"srv-host=_http._tcp.web.{Z},10-9-9-9.web.{Z},8080,0,50",
        f"srv-host=_http._tcp.web.{Z},web-0.web.{Z},8080,0,50",
    ]


def test_an_external_name_is_an_alias_and_its_target_is_known_when_it_is_the_labs_own() -> None:
    inside = Service("default", "web", "ExternalName", "", external_name="www.example.com")
    outside = Service("default", "far", "ExternalName", "", external_name="www.example.org")
    both = told(inside, outside)
    assert about("www.example.com", both) == (["203.0.113.80 www.example.com"], [f"cname=web.{Z},www.example.com"])
    assert about("example.org", both) == ([], [f"cname=far.{Z},www.example.org"])


def test_names_outside_are_forwarded_and_the_rest_of_the_zone_is_not() -> None:
    lines = told().config.splitlines()
    assert "server=203.0.113.53" in lines
    assert "local=/cluster.local/" in lines


def test_the_resolver_of_the_internet_knows_its_names_and_forwards_nothing() -> None:
    one = resolver_told(("www.example.com",), two_subnet().addresses, "/etc/names")
    assert one.hosts == "203.0.113.80 www.example.com\n"
    lines = one.config.splitlines()
    assert {"local=/#/", "addn-hosts=/etc/names"} <= set(lines)
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


def test_an_endpoint_of_several_services_is_what_dnsmasq_cannot_name_whole() -> None:
    endpoints = (Endpoint(pod="default/web-0"), Endpoint(pod="default/web-1", ready=False))
    ports = (PortEndpoints("http", "TCP", 8080, endpoints),)
    slices = tuple(EndpointSlice("default", f"{name}-1", name, ports) for name in ("web", "canary"))
    topology = spec({"node-0": "subnet-a"})
    assert servers.unanswered(topology, cluster(topology, slices=slices[:1])) == ()
    assert servers.unanswered(topology, cluster(topology, slices=slices)) == (
        "dnsmasq names only one Service in the reverse name of an endpoint of several: "
        "default/web-0 (default/canary, default/web); CoreDNS names all (dns.server: coredns)",
    )


def with_coredns(given: Given = Given("/opt/coredns", ca="CA", token="secret")) -> Lab:  # noqa: B008, S106  frozen
    """The small lab, its DNS pod with CoreDNS in it."""
    lab = two_subnet()
    pods = tuple(replace(pod, system="coredns") if pod.system else pod for pod in lab.cluster.pods)
    both = replace(lab.cluster, pods=pods)
    return replace(lab, cluster=both, network=design(lab.topology, both, lab.addresses, given))


def coredns_process(lab: Lab) -> Process:
    item = lab.network.by_key["process", "kube-system/dns-0", "coredns"]
    assert isinstance(item, Process)
    return item


def test_coredns_finds_the_api_server_as_every_program_in_a_pod_does() -> None:
    files = bundle(with_coredns())
    folder = "/run/hoplab/kube-system.dns-0"
    account = f"{folder}/rootfs/var/run/secrets/kubernetes.io/serviceaccount"
    assert [files[f"{account}/{name}"] for name in ("ca.crt", "token", "namespace")] == ["CA", "secret", "kube-system"]
    config = json.loads(files[f"{folder}/config.json"])
    assert {"KUBERNETES_SERVICE_HOST=172.16.0.1", "KUBERNETES_SERVICE_PORT=443"} <= set(config["process"]["env"])
    assert config["process"]["args"] == ["/coredns", "-conf", "/etc/coredns/Corefile"]
    program = next(mount for mount in config["mounts"] if mount["destination"] == "/coredns")
    assert (program["source"], "ro" in program["options"]) == ("/opt/coredns", True)


def test_the_usual_corefile_is_of_the_topologys_domain_and_forwards_the_rest() -> None:
    files = bundle(with_coredns())
    told = files["/run/hoplab/kube-system.dns-0/rootfs/etc/coredns/Corefile"]
    assert told == coredns.corefile(two_subnet().topology)
    assert "kubernetes cluster.local in-addr.arpa ip6.arpa {" in told
    assert files["/run/hoplab/kube-system.dns-0/rootfs/etc/resolv.conf"] == "nameserver 203.0.113.53\n"


def test_another_corefile_is_read_by_the_program_that_runs_and_another_token_by_a_new_one() -> None:
    before = with_coredns(Given("/opt/coredns", "one\n"))
    edited = with_coredns(Given("/opt/coredns", "other\n"))
    steps = plan(edited.network, before.network).steps
    assert [commands(step).splitlines()[-1] for step in steps] == [
        "EOF",
        "crun --cgroup-manager=disabled --root=/run/crun kill kube-system.dns-0 SIGUSR1",
    ]
    assert steps[1].reason == "DNS server of the cluster: is to read its changed configuration again"
    assert coredns_process(edited).differs_in_reload_only(coredns_process(before))
    other = with_coredns(Given("/opt/coredns", "one\n", token="another"))  # noqa: S106
    assert not coredns_process(other).differs_in_reload_only(coredns_process(before))
    assert not coredns_process(before).differs_in_reload_only(coredns_process(before))


def server(lab: Lab) -> Process:
    item = lab.network.by_key[("process", "kube-system/dns-0", "dnsmasq")]
    assert isinstance(item, Process)
    return item


def with_endpoints_ready(lab: Lab, ready: Mapping[str, bool]) -> Lab:
    """The same lab at another moment: whether these pods are ready, by their places."""

    def port(one: PortEndpoints) -> PortEndpoints:
        return replace(one, endpoints=tuple(replace(e, ready=ready.get(e.pod, e.ready)) for e in one.endpoints))

    slices = tuple(replace(one, ports=tuple(map(port, one.ports))) for one in lab.cluster.slices)
    other = replace(lab.cluster, slices=slices)
    return replace(lab, cluster=other, network=design(lab.topology, other, lab.addresses))


def test_a_change_of_readiness_and_a_service_without_named_ports_are_read_by_the_server_that_runs() -> None:
    before = two_subnet()
    unready = with_endpoints_ready(before, {"namespace001/pod-2": False, "kube-system/dns-0": False})
    assert server(unready).differs_in_reload_only(server(before))
    steps = plan(unready.network, before.network).steps
    assert "crun --cgroup-manager=disabled --root=/run/crun kill kube-system.dns-0 SIGHUP" in map(_last_line, steps)
    unnamed = Service("default", "web", "ClusterIP", "172.16.0.99", (ServicePort("", "TCP", 80, 8080),))
    more = replace(before.cluster, services=(*before.cluster.services, unnamed))
    assert server(replace(before, network=design(before.topology, more, before.addresses))).differs_in_reload_only(
        server(before)
    )


def test_only_what_the_configuration_alone_can_say_takes_another_server() -> None:
    before = two_subnet()
    more = cluster(before.topology, *before.cluster.pods, Pod("namespace001", "more", "node-0"))
    assert server(with_pods(before, more.pods)) == server(before), "a pod that no Service selects changes no name"
    alias = Service("default", "web", "ExternalName", "", external_name="www.example.com")
    named = Service("default", "web", "ClusterIP", "172.16.0.99", (ServicePort("http", "TCP", 80, 8080),))
    for service in (alias, named):
        other = replace(before.cluster, services=(*before.cluster.services, service))
        after = server(replace(before, network=design(before.topology, other, before.addresses)))
        assert after != server(before)
        assert not after.differs_in_reload_only(server(before))
        assert after.overlaps


def _last_line(step: AnyStep) -> str:
    return commands(step).splitlines()[-1]


def with_pods(lab: Lab, pods: tuple[Pod, ...]) -> Lab:
    old = lab.cluster
    return made(lab.topology, cluster(lab.topology, *pods, services=old.services, slices=old.slices), lab.addresses)
