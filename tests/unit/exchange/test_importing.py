"""Clusters of well-known kinds, as their dumps tell of them, and the topologies that become of these."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from lab.agent.design.blueprint import read_design
from lab.errors import FileError, UsageError
from lab.exchange.importing.anonymous.replaced_addresses import ReplacedAddresses
from lab.exchange.importing.collection.archive import collected
from lab.exchange.importing.importing import Imported, imported
from lab.exchange.importing.surroundings.selection import Asked
from tests.dumps import archive, large, listed, namespace, node, pod, service, slice_
from tests.unit.exchange.samples import k3s, kubeadm_calico, kubeadm_flannel

ALL = Asked()


def of(folder: Path, asked: Asked = ALL) -> Imported:
    return imported(collected([str(folder)]), "imported", asked)


def head(made: Imported) -> list[str]:
    """The topology's own lines, without what every one has."""
    return made.files["topology.yaml"].partition("---\n")[0].splitlines()[6:]


def designed(made: Imported, folder: Path) -> dict[str, str]:
    """Pods' addresses in the lab that comes of it."""
    for name, text in made.files.items():
        (folder / "lab" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "lab" / name).write_text(text)
    file = folder / "lab" / "topology.yaml"
    return read_design(file.read_text(), str(file), ()).addresses.pods


def test_kubeadm_with_calico(tmp_path: Path) -> None:
    kubeadm_calico(tmp_path)
    made = of(tmp_path)
    assert head(made) == [
        "    - {name: subnet-a, cidr: 10.1.0.0/20}",
        "    - {name: subnet-b, cidr: 10.1.16.0/20}",
        "  nodes:",
        "    - {name: ip-10-1-0-5-ec2-internal, subnet: subnet-a, address: 10.1.0.5, podCIDRs: [192.168.0.0/26]}",
        "    - {name: ip-10-1-16-6-ec2-internal, subnet: subnet-b, address: 10.1.16.6, podCIDRs: [192.168.1.0/26]}",
        "  cni: {plugin: calico, encapsulation: VXLANCrossSubnet, podCIDR: 192.168.0.0/16}",
        "  services: {cidr: 10.96.0.0/12, proxy: iptables}",
        "  underlayMTU: 9001",
        "  firewalls:",
        "    - {on: ip-10-1-0-5-ec2-internal, rulesFile: nodes/ip-10-1-0-5-ec2-internal.iptables}",
        "  machines:",
        "    - {on: ip-10-1-0-5-ec2-internal, routesFile: nodes/ip-10-1-0-5-ec2-internal.routes}",
    ]
    assert made.files["nodes/ip-10-1-0-5-ec2-internal.routes"] == "172.31.0.0/16 via 10.1.0.9 dev eth0\n"
    assert "-A INPUT -i eth0 -p udp" in made.files["nodes/ip-10-1-0-5-ec2-internal.iptables"]
    assert "the node ip-10-1-0-5.ec2.internal is called ip-10-1-0-5-ec2-internal in the lab" in made.notes
    assert any("ip-10-1-16-6-ec2-internal: not collected" in note for note in made.notes)
    pods = designed(made, tmp_path)
    assert (pods["shop/cart-1"], pods["shop/cart-2"]) == ("192.168.0.7", "192.168.1.9"), "as in the cluster"
    assert "secret" not in "".join(made.files.values()), "no variable of a pod's is in the lab"


def test_kubeadm_with_flannel(tmp_path: Path) -> None:
    kubeadm_flannel(tmp_path)
    made = of(tmp_path)
    assert head(made) == [
        "    - {name: subnet-a, cidr: 192.168.56.0/24}",
        "  nodes:",
        "    - {name: worker-0, subnet: subnet-a, address: 192.168.56.10, podCIDRs: [10.244.0.0/24]}",
        "    - {name: worker-1, subnet: subnet-a, address: 192.168.56.11, podCIDRs: [10.244.1.0/24]}",
        "  cni: {plugin: flannel, encapsulation: VXLAN, podCIDR: 10.244.0.0/16}",
        "  services: {cidr: 10.96.0.0/16, proxy: iptables}",
        "  firewalls:",
        "    - {on: worker-1, rulesFile: nodes/worker-1.iptables}",
        "  machines:",
        "    - {on: worker-1, fdbFile: nodes/worker-1.fdb}",
    ]
    (entry,) = made.files["nodes/worker-1.fdb"].splitlines()
    assert "dst 192.168.56.99" in entry, "it is wrong: no node has that address"
    assert not entry.startswith("0e:"), "the lab's own tunnels have other hardware addresses"
    assert "-A INPUT -i eth0 -p udp" in made.files["nodes/worker-1.iptables"], "eth1 is what bears the node's address"
    assert designed(made, tmp_path)["shop/cart-2"] == "10.244.1.9"


def test_k3s(tmp_path: Path) -> None:
    k3s(tmp_path)
    made = of(tmp_path)
    assert head(made) == [
        "    - {name: subnet-a, cidr: 10.9.8.0/22}",
        "  nodes:",
        "    - {name: k3s-server, subnet: subnet-a, address: 10.9.8.20, podCIDRs: [10.42.0.0/24]}",
        "    - {name: k3s-agent, subnet: subnet-a, address: 10.9.8.21, podCIDRs: [10.42.1.0/24]}",
        "  cni: {plugin: flannel, encapsulation: VXLAN, podCIDR: 10.42.0.0/16}",
        "  services: {cidr: 10.43.0.0/16, proxy: iptables}",
        "  machines:",
        "    - {on: k3s-server, sysctlFile: nodes/k3s-server.sysctl}",
    ]
    assert made.files["nodes/k3s-server.sysctl"] == "net.ipv4.conf.eth0.rp_filter = 1\n"
    assert designed(made, tmp_path)["shop/cart-2"] == "10.42.1.9"


def test_a_service_of_pods_in_their_nodes_network_and_one_without_a_selector(tmp_path: Path) -> None:
    archive(
        tmp_path / "cluster.tar",
        "hoplab-cluster",
        {
            "nodes.json": listed([node("one", "10.0.0.10", "10.244.0.0/24")]),
            "pods.json": listed(
                [
                    pod("default/exporter", "one", "10.0.0.10", "exporter", hostNetwork=True),
                    pod("default/web", "one", "10.244.0.5", "web"),
                    {"metadata": {"name": "done"}, "spec": {"nodeName": "one"}, "status": {"phase": "Succeeded"}},
                ]
            ),
            "services.json": listed(
                [service("default/exporter", "10.96.0.20", "exporter"), service("default/old", "10.96.0.21", "")]
            ),
            "endpointslices.json": listed(
                [
                    slice_("default/exporter", [("10.0.0.10", "one")], 9100),
                    slice_("default/old", [("192.0.2.7", "")], 5432),
                ]
            ),
        },
        packed=False,
    )
    made = of(tmp_path)
    text = made.files["topology.yaml"]
    assert text.count("kind: Pod\n") == 1
    assert text.count("kind: EndpointSlice\n") == 2
    assert '"addresses": ["10.0.0.10"]' in text
    assert '"selector"' not in text.partition("kind: Service\n")[2]


def test_only_some_nodes_and_around_a_service(tmp_path: Path) -> None:
    large(tmp_path, nodes=60, pods_each=3, services=9)
    made = of(tmp_path, Asked(only=("worker-003", "worker-051")))
    assert made.summary.startswith("2 of 60 nodes in 2 subnets, 6 of 180 pods, ")
    made = of(tmp_path, Asked(around="shop-3/app-3"))
    assert made.summary.startswith("4 of 60 nodes in 2 subnets, 4 of 180 pods, 1 of 9 Services, 4 nodes")
    assert "shop-3/app-3 has 20 pods: 3 of them, on 4 nodes, are in the lab" in made.notes
    for asked, told in (
        (Asked(only=("worker-3",)), "--only: there is no node 'worker-3'"),
        (Asked(around="x"), "default/x"),
    ):
        with pytest.raises(UsageError, match=told):
            of(tmp_path, asked)


def test_more_than_fifty_nodes_with_rules_of_their_own(tmp_path: Path) -> None:
    large(tmp_path, nodes=52, pods_each=1, services=5)
    made = of(tmp_path)
    assert made.summary.endswith("52 nodes with files of their own")
    designed(made, tmp_path)
    file = tmp_path / "lab" / "topology.yaml"
    told = read_design(file.read_text(), str(file), ()).read.warnings
    assert any("52 machines have files of their own: `up` takes its time over more than 50" in one for one in told)


def _cut(files: dict[str, bytes]) -> None:
    files["pods.json"] = files["pods.json"][: files["pods.json"].index(b'"cart-2"')]


def _windows(files: dict[str, bytes]) -> None:
    files["nodes.json"] = files["nodes.json"].replace(b"\n", b"\r\n")


def _utf16(files: dict[str, bytes]) -> None:
    files["services.json"] = files["services.json"].decode().encode("utf-16")


def _binary(files: dict[str, bytes]) -> None:
    files["services.json"] = b"\x80\x81\x82"


def _error_page(files: dict[str, bytes]) -> None:
    files["services.json"] = b"error: You must be logged in to the server\n"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_cut, "pods.json:48: the list is cut off or broken in its object 2: what stands before it counts"),
        (_windows, "nodes.json:1: the line ends as on Windows; it was read all the same"),
        (_utf16, "services.json: it is written in utf-16-le, as Windows does; it was read all the same"),
        (_binary, "services.json:1: this is no text in UTF-8: the file is left out"),
        (_error_page, "services.json:1: this is no list as kubectl prints it with -o json: the file is left out"),
    ],
)
def test_a_clusters_file_that_is_not_whole(
    tmp_path: Path, spoil: Callable[[dict[str, bytes]], None], told: str
) -> None:
    k3s(tmp_path)
    archives = collected([str(tmp_path)])
    spoil(archives[0].files)
    made = imported(archives, "imported", ALL)
    assert any(told in note for note in made.notes), made.notes
    assert "name: k3s-agent" in made.files["topology.yaml"]


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("routes.json", b'[{"dst":"default","gate', "routes.json:1: the list of JSON has no end: the file is cut off"),
        (
            "routes.json",
            b"10.0.0.0/8 via 10.9.8.1 dev enp1s0 \n10.1.0",
            "routes.json:2: the last line has no end: the file is cut off here",
        ),
        (
            "routes.json",
            "Zieladresse f\u00fcr 10.0.0.0/8 \n".encode(),
            "routes.json:1: the line has letters that the program",
        ),
        (
            "routes.json",
            b"",
            "routes.json is missing (it was not collected): k3s-server has the routes of the lab's own",
        ),
        (
            "iptables.txt",
            b"*filter\n-A INPUT -j NOWHERE\nCOMMIT\n",
            "nodes/k3s-server.iptables:2: the table filter has no chain 'NOWHERE': left out",
        ),
        ("iptables.txt", b"*filter\nINPUT garbage\n-A INPUT -p tcp -j ACCEPT\nCOMMIT\n", "iptables.txt:2: "),
        ("iptables.txt", b"*filter\n-A INPUT -p tcp -j DROP\n", "the table filter is not finished"),
        (
            "iptables.txt",
            b"*filter\n-A INPUT -m set --match-set lost src -j DROP\nCOMMIT\n",
            "nothing gives the set lost",
        ),
        ("addresses.json", b'[{"ifname": "enp1s0", "mtu', "addresses.json:1: the JSON is cut off or broken"),
        (
            "addresses.json",
            b'[{"ifname": 3}, {"ifname": "x", "mtu": "y", "addr_info": [3, {"local": 7}]}]',
            "not collected",
        ),
    ],
)
def test_a_nodes_file_that_is_not_whole(tmp_path: Path, file: str, content: bytes, told: str) -> None:
    k3s(tmp_path)
    archives = collected([str(tmp_path)])
    archives[1].files[file] = content
    made = imported(archives, "imported", ALL)
    assert any(told in note for note in made.notes), "\n".join(made.notes)
    designed(made, tmp_path)


def test_two_clusters_mixed_are_refused(tmp_path: Path) -> None:
    k3s(tmp_path)
    (tmp_path / "other").mkdir()
    kubeadm_flannel(tmp_path / "other")
    both = [str(tmp_path / "cluster.tar.gz"), str(tmp_path / "other" / "worker-1.tar.gz")]
    with pytest.raises(FileError, match=r"none of the 1 machines is a node of .*: two clusters are mixed"):
        imported(collected(both), "x", ALL)
    made = of(tmp_path)  # a folder within a folder is no dump
    assert "worker-1" not in made.files["topology.yaml"]
    archives = collected([str(tmp_path), str(tmp_path / "other" / "worker-1.tar.gz")])
    made = imported(archives, "x", ALL)
    assert any("worker-1 is no node of this cluster (it has 10.0.2.15, 192.168.56.11" in note for note in made.notes)
    archive(
        tmp_path / "second.tar", "hoplab-cluster", {"namespaces.json": listed([namespace("kube-system", "another")])}
    )
    with pytest.raises(FileError, match="two clusters are mixed"):
        of(tmp_path)


def test_no_cluster_or_no_node_is_refused(tmp_path: Path) -> None:
    k3s(tmp_path)
    with pytest.raises(FileError, match="no archive is of a cluster"):
        imported(collected([str(tmp_path / "server.tar.gz")]), "x", ALL)
    (tmp_path / "empty").mkdir()
    archive(tmp_path / "empty" / "c.tar", "hoplab-cluster", {"nodes.json": listed([])})
    with pytest.raises(FileError, match="there is no node in it"):
        of(tmp_path / "empty")


def test_names_and_addresses_that_are_replaced_keep_what_they_mean(tmp_path: Path) -> None:
    kubeadm_flannel(tmp_path)
    made = imported(collected([str(tmp_path)]), "x", Asked(around="shop/cart"), b"a key")
    told = "".join(made.files.values())
    for name in ("worker", "cart", "shop", "192.168.56", "10.244", "10.96", "hoster"):
        assert name not in told, name
    assert "--dport 8472 -j DROP" in told
    pods = designed(made, tmp_path)
    own = {place: address for place, address in pods.items() if place.startswith("namespace-")}
    assert {address.rpartition(".")[2] for address in own.values()} == {"7", "9"}
    again = imported(collected([str(tmp_path)]), "x", ALL, b"another")
    assert again.files["topology.yaml"] != made.files["topology.yaml"]


def test_replaced_addresses_share_what_they_shared() -> None:
    replaced = ReplacedAddresses(b"key").text
    for length in (8, 9, 12, 13, 16, 20, 24):
        one, two = IPv4Network(f"10.96.0.0/{length}", strict=False), IPv4Network("10.96.3.4/32")
        new = IPv4Network(replaced(str(one).encode()).decode()), IPv4Network(replaced(str(two).encode()).decode())
        assert new[0].prefixlen == length
        assert new[1].subnet_of(new[0]) is two.subnet_of(one)
    kept = b"127.0.0.1 169.254.1.1 224.0.0.5 0.0.0.0/0 255.255.255.255 1.2.3.4.5"
    assert replaced(kept) == kept
    assert len({replaced(f"10.{i}.0.0".encode()) for i in range(256)}) == 256, "no two become one"
