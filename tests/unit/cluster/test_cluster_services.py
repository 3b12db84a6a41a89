"""Services: their addresses, and the endpoints that follow from selectors, readiness and named ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from lab.cluster.addresses import ClusterIpError, ClusterIps
from lab.cluster.endpoints import CONTROLLER, MANAGED_BY
from lab.cluster.file import manifests
from lab.cluster.nodeports import FIRST, KEPT, LAST, NodePortsUsedUpError, free_port
from lab.cluster.objects import Cluster, Endpoint, PortEndpoints, Service, ServicePort
from lab.errors import FileError

Build = Callable[..., Cluster]  # the fixtures of conftest.py
Warned = Callable[..., tuple[str, ...]]


def service(name: str, spec: str) -> str:
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{spec}}}"


def pod(name: str, app: str, *, ports: str = "", spec: str = "", ready: bool = True) -> str:
    readiness = f'{{hoplab.io/ready: "{str(ready).lower()}"}}'
    return (
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {app}}}, annotations: {readiness}}}\n"
        f"spec: {{nodeName: node-0, containers: [{{name: c, image: built-in, ports: [{ports}]}}]{spec}}}"
    )


def endpoint(name: str, hostname: str = "", ready: bool = True) -> Endpoint:
    return Endpoint(f"default/{name}", "", "node-0", hostname, ready, serving=ready)


def test_which_fields_a_manifest_gives_is_known_and_kept_once_for_all_that_give_the_same() -> None:
    specs = [manifests.ServiceSpec.model_validate({"ports": [{"port": port}], "type": None}) for port in (80, 81)]
    other = manifests.ServiceSpec.model_validate({"ports": [{"port": 80}], "type": "NodePort"})
    assert specs[0].model_fields_set == {"ports"}
    assert specs[0].model_fields_set is specs[1].model_fields_set
    assert other.model_fields_set == {"ports", "type"}


def test_kube_dns_has_the_tenth_address_and_both_dns_pods(build: Build) -> None:
    cluster = build(pod("a", "a"))
    dns, found = cluster.services[0], cluster.slices[0]
    assert (dns.full_name, dns.cluster_ip) == ("kube-system/kube-dns", "172.16.0.10")
    assert [(port.port, port.protocol, port.target) for port in found.ports] == [
        ("dns", "UDP", 53),
        ("dns-tcp", "TCP", 53),
    ]
    assert [item.pod for item in found.ports[0].endpoints] == ["kube-system/dns-0", "kube-system/dns-1"]


def test_services_without_an_address_are_given_one_that_others_do_not_move(build: Build) -> None:
    names = [f"s{number}" for number in range(40)]
    all_of_them = build(*(service(name, "ports: [{port: 80}]") for name in names))
    addresses = {item.name: item.cluster_ip for item in all_of_them.services}
    assert len(set(addresses.values())) == 41
    assert all(IPv4Address(address) in IPv4Network("172.16.0.0/16") for address in addresses.values())
    for name in names[:5]:
        alone = build(service(name, "ports: [{port: 80}]"))
        assert alone.services[1].cluster_ip == addresses[name]


def test_an_address_given_before_is_kept_even_where_another_would_be_given_now(rebuild: Build) -> None:
    small = "services: {cidr: 172.16.0.0/28}"
    first = rebuild(service("z", "ports: [{port: 80}]"), spec=small)
    others = [service(f"s{number}", "ports: [{port: 80}]") for number in range(11)]
    after = rebuild(*others, service("z", "ports: [{port: 80}]"), spec=small)
    held = {one.name: one.cluster_ip for one in after.services}
    assert held["z"] == next(one.cluster_ip for one in first.services if one.name == "z")
    assert len(set(held.values())) == 14


def test_a_range_gives_every_address_once_and_then_says_so(build: Build) -> None:
    ips = ClusterIps("172.16.0.0/28")
    given = set()
    for number in range(ips.free):
        given.add(address := ips.next(f"default/s{number}"))
        ips.hold(address, f"default/s{number}")
    assert len(given) == 12
    assert not given & {"172.16.0.0", "172.16.0.1", "172.16.0.10", "172.16.0.15"}
    with pytest.raises(ClusterIpError, match="is used up"):
        ips.next("default/more")
    services = [service(f"s{number}", "ports: [{port: 80}]") for number in range(13)]
    assert len(build(*services[:12], spec="services: {cidr: 172.16.0.0/28}").services) == 13
    with pytest.raises(FileError) as refused:
        build(*services, spec="services: {cidr: 172.16.0.0/28}")
    (mistake,) = refused.value.mistakes
    assert (mistake.field, mistake.problem) == ("metadata.name", "the Services' range 172.16.0.0/28 is used up")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            "clusterIP: 172.16.10.10, ports: [{port: 80, targetPort: 8080}]",
            Service("default", "web", "ClusterIP", "172.16.10.10", (ServicePort("", "TCP", 80, 8080),)),
        ),
        (
            "clusterIP: None, selector: {app: a}",
            Service("default", "web", "ClusterIP", "", (), (("app", "a"),)),
        ),
        (
            "type: ExternalName, externalName: www.example.com, selector: {app: a}",
            Service("default", "web", "ExternalName", "", external_name="www.example.com"),
        ),
        (
            "type: NodePort, clusterIP: 172.16.1.1, ports: [{name: d, port: 53, protocol: UDP, nodePort: 30053}]",
            Service("default", "web", "NodePort", "172.16.1.1", (ServicePort("d", "UDP", 53, 53, 30053),)),
        ),
        (
            "type: LoadBalancer, clusterIP: 172.16.1.1, ports: [{port: 80, targetPort: http, nodePort: 30080}]",
            Service("default", "web", "LoadBalancer", "172.16.1.1", (ServicePort("", "TCP", 80, "http", 30080),)),
        ),
    ],
)
def test_every_type_of_service(build: Build, spec: str, expected: Service) -> None:
    assert build(service("web", spec)).services[1] == expected


def test_how_a_service_is_reached_from_outside_and_for_how_long_a_client_stays(build: Build, warned: Warned) -> None:
    """Everything that kube-proxy programs is passed on, in kube-proxy's form."""
    spec = (
        "type: LoadBalancer, clusterIP: 172.16.1.1, externalIPs: [198.51.100.1], sessionAffinity: ClientIP, "
        "loadBalancerSourceRanges: [10.0.0.0/8, ' 192.0.2.0/24 '], externalTrafficPolicy: Local, "
        "internalTrafficPolicy: Local, healthCheckNodePort: 32000, ports: [{port: 80, nodePort: 30080, protocol: SCTP}]"
    )
    status = (
        "\nstatus: {loadBalancer: {ingress: [{ip: 203.0.113.20}, {ip: 203.0.113.21, ipMode: Proxy}, {hostname: a}]}}"
    )
    made = build(service("web", spec) + status)
    assert made.services[1] == Service(
        "default",
        "web",
        "LoadBalancer",
        "172.16.1.1",
        (ServicePort("", "SCTP", 80, 80, 30080),),
        external_ips=("198.51.100.1",),
        load_balancer_ips=("203.0.113.20",),
        source_ranges=("10.0.0.0/8", "192.0.2.0/24"),
        affinity_seconds=10800,
        internal_policy="Local",
        external_policy="Local",
        health_check_port=32000,
    )
    assert warned(service("web", spec) + status) == ()


def test_a_client_may_stay_for_another_time(build: Build) -> None:
    spec = "sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}, ports: [{port: 80}]"
    assert build(service("web", spec)).services[1].affinity_seconds == 60


def test_what_has_no_effect_is_said(warned: Warned) -> None:
    spec = "type: LoadBalancer, loadBalancerSourceRanges: ['2001:db8::/32'], ports: [{port: 80}]"
    assert warned(service("web", spec)) == (
        "lab.yaml:9: default/web: no load balancer gives it an address; status.loadBalancer.ingress may name one",
        "lab.yaml:9: default/web: '2001:db8::/32' is passed over: only IPv4 is supported",
    )
    assert warned(service("web", "type: NodePort, ports: [{port: 80}]")) == ()


def test_a_load_balancers_ipv6_address_is_passed_over(build: Build, warned: Warned) -> None:
    status = "\nstatus: {loadBalancer: {ingress: [{ip: '2001:db8::9'}, {ip: 203.0.113.20}]}}"
    text = service("web", "type: LoadBalancer, ports: [{port: 80}]") + status
    assert build(text).services[1].load_balancer_ips == ("203.0.113.20",)
    assert warned(text) == ("lab.yaml:10: default/web: '2001:db8::9' is passed over: only IPv4 is supported",)


def test_a_load_balancer_may_do_without_node_ports(build: Build) -> None:
    spec = (
        "type: LoadBalancer, allocateLoadBalancerNodePorts: false, ports: [{name: a, port: 80}, {name: b, port: 81%s}]"
    )
    ports = build(service("web", spec % ", nodePort: 30081")).services[1].ports
    assert [port.node_port for port in ports] == [0, 30081], "one that is named is there nonetheless"


def test_a_load_balancer_with_policy_local_is_given_a_health_check_port_that_it_keeps(
    build: Build, rebuild: Build
) -> None:
    spec = "type: LoadBalancer, externalTrafficPolicy: Local, ports: [{port: 80}]"
    found = build(service("web", spec)).services[1]
    assert FIRST <= found.health_check_port <= LAST
    assert found.health_check_port != found.ports[0].node_port
    assert build(service("web", spec.replace("Local", "Cluster"))).services[1].health_check_port == 0
    named = rebuild(service("web", f"{spec}, healthCheckNodePort: 32123"))
    assert named.services[-1].health_check_port == 32123
    assert rebuild(service("web", spec)).services[-1].health_check_port == 32123


def test_a_service_that_cannot_be_reached_from_outside_has_no_policy_for_that(build: Build) -> None:
    named = "externalIPs: [198.51.100.1], externalTrafficPolicy: Local, ports: [{port: 80}]"
    assert build(service("web", named)).services[1].external_policy == "Local"
    with pytest.raises(FileError, match="is only for Services that can be reached from outside"):
        build(service("web", "externalTrafficPolicy: Local, ports: [{port: 80}]"))


def test_endpoints_of_a_manifest_may_be_leaving(build: Build) -> None:
    text = """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [192.0.2.1], conditions: {ready: false, serving: true, terminating: true}, nodeName: node-1}]
ports: [{port: 8080}]
"""
    (port,) = build(service("web", "ports: [{port: 80}]"), text).slices[1].ports
    assert port.endpoints == (Endpoint("", "192.0.2.1", "node-1", ready=False, serving=True, terminating=True),)


def node_ports(cluster: Cluster) -> dict[str, int]:
    return {f"{one.name}:{port.name}": port.node_port for one in cluster.services for port in one.ports}


def test_node_ports_are_given_where_none_is_named_and_others_do_not_move_them(build: Build) -> None:
    ports = "type: NodePort, ports: [{name: a, port: 80}, {name: b, port: 81}, {name: c, port: 82, nodePort: 30080}]"
    names = [f"s{number}" for number in range(30)]
    first = ports, ports.replace("30080", "30081")
    alone = node_ports(build(service("s0", first[0])))
    assert alone["s0:c"] == 30080
    assert alone["s0:a"] != alone["s0:b"]
    others = (service(name, "type: NodePort, ports: [{port: 80}]") for name in names[2:])
    together = node_ports(build(service("s0", first[0]), service("s1", first[1]), *others))
    assert {name: number for name, number in together.items() if name in alone} == alone
    given = [number for number in together.values() if number]
    assert len(set(given)) == len(given) == 34
    assert all(FIRST <= number <= LAST for number in given)
    assert together["kube-dns:dns"] == 0, "a ClusterIP Service has no node port"


def test_a_node_port_given_before_is_kept(rebuild: Build) -> None:
    rebuild(service("web", "type: NodePort, ports: [{port: 80, nodePort: 31234}]"))
    assert node_ports(rebuild(service("web", "type: NodePort, ports: [{port: 80}]")))["web:"] == 31234


def test_the_part_of_the_range_that_is_kept_for_choices_is_given_last() -> None:
    given: list[int] = []
    for number in range(LAST - FIRST + 1):
        given.append(free_port(given, f"ns/s:{number}/TCP"))
    assert sorted(given) == list(range(FIRST, LAST + 1))
    assert sorted(given[-KEPT:]) == list(range(FIRST, FIRST + KEPT))
    with pytest.raises(NodePortsUsedUpError, match="are used up"):
        free_port(given, "ns/s:more/TCP")


def test_a_file_that_asks_for_more_node_ports_than_there_are_is_refused(build: Build) -> None:
    ports = ", ".join(f"{{name: p{number}, port: {number}}}" for number in range(1, LAST - FIRST + 2))
    one = "type: NodePort, ports: [{port: 80, nodePort: 30000}]"
    with pytest.raises(FileError) as refused:
        build(service("many", f"type: NodePort, ports: [{ports}]"), service("one", one))
    (mistake,) = refused.value.mistakes
    assert (mistake.field, mistake.problem) == ("spec.ports[2767]", "all node ports from 30000 to 32767 are used up")
    assert mistake.remedy == "make some Services of type ClusterIP"


@pytest.mark.parametrize(
    ("number", "told"), [(30079, "already the node port of default/other"), (29999, "30000"), (32768, "32767")]
)
def test_a_node_port_used_twice_or_outside_of_the_range_is_refused(build: Build, number: int, told: str) -> None:
    other = service("other", "type: NodePort, ports: [{port: 80, nodePort: 30079}]")
    with pytest.raises(FileError, match=told):
        build(other, service("web", f"type: NodePort, ports: [{{port: 80, nodePort: {number}}}]"))


def test_endpoints_are_the_pods_that_have_all_labels(build: Build) -> None:
    both = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: c, labels: {app: a, tier: x}}\n"
        "spec: {containers: [{name: c, image: built-in}]}"
    )
    cluster = build(
        pod("a", "a"), pod("b", "b"), both, service("web", "selector: {app: a, tier: x}, ports: [{port: 80}]")
    )
    (port,) = cluster.slices[1].ports
    assert (port.target, [item.pod for item in port.endpoints]) == (80, ["default/c"])


def test_a_pod_that_is_not_ready_is_an_endpoint_that_gets_nothing(build: Build) -> None:
    pods = (pod("a", "a"), pod("b", "a", ready=False))
    ports = build(*pods, service("web", "selector: {app: a}, ports: [{port: 80}]")).slices[1].ports
    assert ports[0].endpoints == (endpoint("a"), endpoint("b", ready=False))
    published = service("web", "selector: {app: a}, publishNotReadyAddresses: true, ports: [{port: 80}]")
    told = build(*pods, published).slices[1].ports[0].endpoints
    assert told == (endpoint("a"), replace(endpoint("b"), serving=False)), "ready is what is said, serving what is"


def test_a_selector_that_no_pod_matches_gives_an_empty_slice(build: Build) -> None:
    cluster = build(pod("a", "a"), service("web", "selector: {app: nobody}, ports: [{port: 80, targetPort: http}]"))
    assert (cluster.slices[1].service, cluster.slices[1].ports) == ("web", ())


def test_pods_whose_named_port_differs_stand_in_slices_of_their_own(build: Build) -> None:
    cluster = build(
        pod("a", "a", ports="{name: http, containerPort: 80}"),
        pod("b", "a", ports="{name: http, containerPort: 8080}"),
        pod("c", "a", ports="{name: http, containerPort: 80}"),
        pod("d", "a", ports="{name: http, containerPort: 80, protocol: UDP}"),
        service("web", "selector: {app: a}, ports: [{name: w, port: 80, targetPort: http}, {name: x, port: 81}]"),
    )
    first, second, third = cluster.slices[1:]
    assert first.ports[0] == PortEndpoints("w", "TCP", 80, (endpoint("a"), endpoint("c")))
    assert first.ports[1] == PortEndpoints("x", "TCP", 81, (endpoint("a"), endpoint("c")))
    assert second.ports[0] == PortEndpoints("w", "TCP", 8080, (endpoint("b"),))
    assert third.ports == (PortEndpoints("x", "TCP", 81, (endpoint("d"),)),)
    assert len({first.name, second.name, third.name}) == 3


def test_headless_services_know_their_pods_hostnames(build: Build) -> None:
    cluster = build(
        pod("a", "a", spec=", hostname: first, subdomain: web"),
        pod("b", "a", spec=", hostname: second, subdomain: other"),
        service("web", "clusterIP: None, selector: {app: a}"),
    )
    assert cluster.slices[1].ports == (PortEndpoints("", "TCP", 0, (endpoint("a", "first"), endpoint("b"))),)


def test_slices_of_a_manifest_give_a_service_without_selector_its_endpoints(build: Build) -> None:
    text = """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints:
  - {addresses: [192.0.2.1], conditions: {ready: null}}
  - {addresses: [192.0.2.2, 192.0.2.3], conditions: {ready: false}, hostname: two}
  - {addresses: [10.9.9.9], targetRef: {kind: Pod, name: a}}
ports: [{name: w, port: 8080}, {name: u, port: 53, protocol: UDP}]
"""
    cluster = build(pod("a", "a"), service("web", "ports: [{name: w, port: 80}]"), text)
    members = (
        Endpoint("", "192.0.2.1"),
        Endpoint("", "192.0.2.2", hostname="two", ready=False, serving=False),
        Endpoint("default/a", "", "node-0"),
    )
    assert cluster.slices[1].service == "web"
    assert cluster.slices[1].ports == (PortEndpoints("w", "TCP", 8080, members), PortEndpoints("u", "UDP", 53, members))


@pytest.mark.parametrize(
    ("labels", "kind", "told"),
    [
        ("{kubernetes.io/service-name: web}", "IPv6", "lab.yaml:14: s is passed over: only IPv4 is supported"),
        ("{kubernetes.io/service-name: no}", "IPv4", "lab.yaml:13: s has no effect: there is no Service default/no"),
        (
            f"{{kubernetes.io/service-name: web, {MANAGED_BY}: {CONTROLLER}}}",
            "IPv4",
            "lab.yaml:11: s is passed over: the lab makes it from the selector",
        ),
    ],
)
def test_slices_that_have_no_effect_are_named(warned: Warned, labels: str, kind: str, told: str) -> None:
    text = (
        f"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: s, labels: {labels}}}\n"
        f"addressType: {kind}\nendpoints: [{{addresses: [192.0.2.1]}}]\nports: [{{port: 80}}]"
    )
    assert warned(service("web", "ports: [{port: 80}]"), text) == (told,)
