"""What every pod has: names, resolver, and something that listens."""

from __future__ import annotations

from lab.cluster.objects import ContainerPort, Pod
from lab.network.objects import File, Listener, Process
from tests.unit.network.small_labs import Lab, cluster, made, spec, two_subnet


def files(lab: Lab, place: str) -> dict[str, str]:
    return {item.path: item.content for item in lab.network if isinstance(item, File) and item.place == place}


def one_pod(pod: Pod) -> Lab:
    topology = spec({"node-0": "subnet-a"})
    return made(topology, cluster(topology, pod))


def test_a_pod_asks_the_clusters_dns_and_searches_its_own_namespace_first() -> None:
    assert files(two_subnet(), "namespace001/pod-0")["/etc/netns/namespace001.pod-0/resolv.conf"] == (
        "search namespace001.svc.cluster.local svc.cluster.local cluster.local\n"
        "nameserver 172.16.0.10\n"
        "options ndots:5\n"
    )


def test_a_dns_pod_and_a_node_ask_the_internets_resolver() -> None:
    lab = two_subnet()
    assert files(lab, "kube-system/dns-0")["/etc/netns/kube-system.dns-0/resolv.conf"] == "nameserver 203.0.113.53\n"
    assert files(lab, "node-0") == {
        "/etc/netns/node-0/resolv.conf": "nameserver 203.0.113.53\n",
        "/etc/netns/node-0/hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost\tip6-localhost\tip6-loopback\n"
        "10.0.1.10\tnode-0\n",
        "/etc/netns/node-0/hostname": "node-0\n",
    }


def test_routers_gateway_and_internet_have_names_and_a_resolver_too() -> None:
    for place, address in (("router", "10.0.1.1"), ("gateway", "192.168.255.1"), ("internet", "203.0.113.53")):
        held = files(two_subnet(), place)
        assert held[f"/etc/netns/{place}/resolv.conf"] == "nameserver 203.0.113.53\n"
        assert held[f"/etc/netns/{place}/hosts"].endswith(f"\n{address}\t{place}\n")
        assert held[f"/etc/netns/{place}/hostname"] == f"{place}\n"


def test_a_pod_knows_its_own_name() -> None:
    held = files(two_subnet(), "namespace001/pod-0")
    assert held["/etc/netns/namespace001.pod-0/hostname"] == "pod-0\n"
    assert held["/etc/netns/namespace001.pod-0/hosts"].endswith("\n10.244.0.2\tpod-0\n")


def test_a_pod_with_hostname_and_subdomain_has_its_full_name_in_hosts() -> None:
    lab = one_pod(Pod("default", "pod-0", "node-0", hostname="web-0", subdomain="web"))
    held = files(lab, "default/pod-0")
    assert held["/etc/netns/default.pod-0/hosts"].endswith("10.244.0.1\tweb-0.web.default.svc.cluster.local\tweb-0\n")
    assert held["/etc/netns/default.pod-0/hostname"] == "web-0\n"


def test_a_pod_listens_where_it_declares_or_on_8080() -> None:
    declared = Pod("default", "pod-0", "node-0", ports=(ContainerPort(80), ContainerPort(9, "SCTP")))
    silent = Pod("default", "pod-0", "node-0")
    for pod, expected in ((declared, {("tcp", 80)}), (silent, {("tcp", 8080), ("udp", 8080)})):
        found = (item for item in one_pod(pod).network if isinstance(item, Listener))
        ports = {(item.protocol, item.port) for item in found if item.place == "default/pod-0"}
        assert ports == expected


def test_a_pod_with_a_command_runs_that_and_nothing_else() -> None:
    lab = one_pod(Pod("default", "pod-0", "node-0", command=("python3", "-m", "http.server")))
    running = [item for item in lab.network if isinstance(item, Process | Listener) and item.place == "default/pod-0"]
    assert [type(item) for item in running] == [Process]
    assert isinstance(running[0], Process)
    assert running[0].argv == ("python3", "-m", "http.server")
