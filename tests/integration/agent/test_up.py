"""A lab that is up is the cluster that was drawn: every pod, name, route and rule of it.

subnet-a 10.0.1.0/24        router        subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ────┴─────────────── node-2
pod-0 pod-1        pod-2                       pod-3        Service myapp 172.16.10.10:80 → pod-2, pod-3
"""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest

from tests.integration.labs import Done, Lab, inv

CURL = ("curl", "-sS", "--max-time", "5")
PODS = {"pod-0": "10.244.0.2", "pod-1": "10.244.0.3", "pod-2": "10.244.0.66", "pod-3": "10.244.0.129"}


def curl(lab: Lab, place: str, url: str) -> Done:
    return lab.exec_(place, *CURL, url)


def kube_hash(text: str) -> str:
    """The suffix of kube-proxy's chains: 16 characters of the base32 of a SHA-256."""
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:16]


def cali(pod: str) -> str:
    """The name of the veth's end on the node, of NAMESPACE.POD."""
    return "cali" + hashlib.sha1(pod.encode(), usedforsecurity=False).hexdigest()[:11]


@pytest.mark.parametrize("pod", PODS)
def test_every_pod_answers_under_its_own_name_and_sees_its_client(two_subnet: Lab, pod: str) -> None:
    client = "pod-1" if pod == "pod-0" else "pod-0"
    name, seen, _ = curl(two_subnet, client, f"http://{PODS[pod]}:8080").ok().splitlines()
    assert name == pod
    assert seen.startswith(f"client {PODS[client]}:"), "between pods nobody's address is changed"


@pytest.mark.parametrize(
    "name", ["myapp", "myapp.namespace001", "myapp.namespace001.svc", "myapp.namespace001.svc.cluster.local"]
)
def test_the_service_answers_under_every_name_that_it_has(two_subnet: Lab, name: str) -> None:
    assert curl(two_subnet, "pod-0", f"http://{name}").ok().splitlines()[0] in ("pod-2", "pod-3")


def test_the_service_sends_to_both_of_its_pods_and_to_no_other(two_subnet: Lab) -> None:
    urls = [f"http://myapp.namespace001.svc.cluster.local/?{number}" for number in range(60)]
    said = two_subnet.exec_("pod-0", *CURL, "-H", "Connection: close", *urls).ok().splitlines()
    assert {line for line in said if line.startswith("pod-")} == {"pod-2", "pod-3"}


def test_a_node_reaches_the_service_as_well(two_subnet: Lab) -> None:
    assert curl(two_subnet, "node-2", "http://172.16.10.10").ok().splitlines()[0] in ("pod-2", "pod-3")


def test_the_internet_is_reached_by_name_and_sees_the_gateway(two_subnet: Lab) -> None:
    name, client, request = curl(two_subnet, "pod-3", "http://www.example.com").ok().splitlines()
    assert (name, request) == ("www.example.com", "GET / for www.example.com")
    assert client.startswith("client 203.0.113.1:")


def test_udp_is_echoed(two_subnet: Lab) -> None:
    ask = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5);"
        f"s.connect(('{PODS['pod-3']}', 8080)); s.send(b'marco'); print(s.recv(2000).decode())"
    )
    name, client, echoed = two_subnet.exec_("pod-0", "python3", "-c", ask).ok().splitlines()
    assert (name, echoed) == ("pod-3", "marco")
    assert client.startswith(f"client {PODS['pod-0']}:")


def test_node_0_has_the_routes_of_a_calico_node(two_subnet: Lab) -> None:
    """Pods here, the neighbour's block straight, the other subnet's through the tunnel, the own block a black hole."""
    routes = {line.rstrip() for line in two_subnet.in_("node-0", "ip route").splitlines()}
    assert routes == {
        "default via 10.0.1.1 dev eth0",
        "10.0.1.0/24 dev eth0 proto kernel scope link src 10.0.1.10",
        "blackhole 10.244.0.0/26 proto 80",
        f"10.244.0.1 dev {cali('kube-system.dns-0')} scope link",
        f"10.244.0.2 dev {cali('namespace001.pod-0')} scope link",
        f"10.244.0.3 dev {cali('namespace001.pod-1')} scope link",
        "10.244.0.64/26 via 10.0.1.11 dev eth0 proto 80 onlink",
        "10.244.0.128/26 via 10.244.0.128 dev vxlan.calico onlink",
    }


def test_node_0_has_the_tunnel_of_a_calico_node(two_subnet: Lab) -> None:
    link = two_subnet.in_("node-0", "ip -d link show vxlan.calico")
    assert "vxlan id 4096 local 10.0.1.10 dev eth0" in link
    assert "dstport 4789" in link
    assert "nolearning" in link
    assert "mtu 1450" in link
    mac = "66:" + hashlib.sha1(b"node-2", usedforsecurity=False).digest()[:5].hex(":")
    assert f"{mac} dst 10.0.2.10 self permanent" in two_subnet.in_("node-0", "bridge fdb show dev vxlan.calico")
    assert f"10.244.0.128 lladdr {mac} PERMANENT" in two_subnet.in_("node-0", "ip neigh show dev vxlan.calico")


def test_a_pod_has_one_address_and_one_way_out(two_subnet: Lab) -> None:
    assert [line.rstrip() for line in two_subnet.in_("pod-0", "ip route").splitlines()] == [
        "default via 169.254.1.1 dev eth0",
        "169.254.1.1 dev eth0 scope link",
    ]
    assert "inet 10.244.0.2/32 " in two_subnet.in_("pod-0", "ip -4 addr show eth0")


def test_the_rules_are_kube_proxys_with_its_hashes(two_subnet: Lab) -> None:
    saved = two_subnet.in_("node-0", "iptables-save")
    service = f"KUBE-SVC-{kube_hash('namespace001/myapp:httptcp')}"
    pod_2 = f"KUBE-SEP-{kube_hash('namespace001/myapp:httptcp10.244.0.66:8080')}"
    assert f":{service} - " in saved
    jump = next(line for line in saved.splitlines() if line.startswith("-A KUBE-SERVICES -d 172.16.10.10/32"))
    assert jump.endswith(f"--dport 80 -j {service}")
    assert re.search(rf"-A {service} .*--probability 0\.50000000000 -j KUBE-SEP-", saved)
    assert re.search(rf"-A {pod_2} .*-j DNAT --to-destination 10\.244\.0\.66:8080", saved)


@pytest.mark.parametrize("pod", PODS)
def test_every_pod_has_its_own_resolver_hosts_and_name(two_subnet: Lab, pod: str) -> None:
    look = "cat /etc/resolv.conf; hostname; cat /etc/hostname; tail -n 1 /etc/hosts"
    said = two_subnet.exec_(pod, "sh", "-c", look).ok()
    assert said.splitlines() == [
        "search namespace001.svc.cluster.local svc.cluster.local cluster.local",
        "nameserver 172.16.0.10",
        "options ndots:5",
        pod,
        pod,
        f"{PODS[pod]}\t{pod}",
    ]


def test_the_shell_in_a_pod_is_that_pod_and_ip_netns_exec_in_the_labs_own_shell_too(two_subnet: Lab) -> None:
    in_the_pod = inv("shell", "pod-0", "--lab", two_subnet.name, given="hostname; grep ^search /etc/resolv.conf\n").ok()
    assert "pod-0\n" in in_the_pod
    assert "search namespace001.svc.cluster.local" in in_the_pod
    in_the_lab = inv(
        "shell",
        "--lab",
        two_subnet.name,
        given="ip netns exec namespace001.pod-0 cat /etc/hostname /etc/resolv.conf; ip netns list | wc -l; exit 7\n",
    )
    assert in_the_lab.status == 7, f"the shell's own status\n{in_the_lab}"
    assert in_the_lab.out.startswith("pod-0\nsearch namespace001.svc")
    assert in_the_lab.out.rstrip().endswith(str(len(two_subnet.map()["places"]) - 1)), in_the_lab.out


def test_dns_answers_for_the_cluster_from_both_of_its_pods(two_subnet: Lab) -> None:
    places = [line.split()[1] for line in two_subnet.get("pods", "-n", "kube-system", "-o", "wide").splitlines()[1:]]
    assert places == ["1/1", "1/1"]
    for server in ("172.16.0.10", "10.244.0.1", "10.244.0.65"):
        said = two_subnet.in_("pod-3", f"dig +short +time=3 +tries=1 @{server} myapp.namespace001.svc.cluster.local")
        assert said == "172.16.10.10\n", f"asked {server}"
    name = two_subnet.in_("pod-3", "dig +short +time=3 +tries=1 -x 172.16.10.10")
    assert name == "myapp.namespace001.svc.cluster.local.\n"


def test_get_tells_what_kubectl_would(two_subnet: Lab) -> None:
    services = two_subnet.get("services", "-n", "namespace001").splitlines()
    assert services[0].split() == ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"]
    assert services[1].split()[:5] == ["myapp", "ClusterIP", "172.16.10.10", "<none>", "80/TCP"]
    pods = json.loads(two_subnet.get("pods", "-n", "namespace001", "-o", "json"))["items"]
    assert {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in pods} == PODS
    assert "10.244.0.66,10.244.0.129" in two_subnet.get("endpointslices")
    assert len(two_subnet.get("no").splitlines()) == 4


def test_a_lab_that_is_just_up_has_no_drift_and_is_listed(two_subnet: Lab) -> None:
    assert two_subnet.drift() == []
    assert two_subnet.is_listed()


STATUSES = [
    (("true",), 0),
    (("sh", "-c", "exit 7"), 7),
    (("sh", "-c", "kill -TERM $$"), 143),
    (("sh", "-c", "kill -KILL $$"), 137),
    (("no-such-program",), 127),
    (("/etc/hostname",), 126),
]


@pytest.mark.parametrize(("command", "status"), STATUSES)
def test_exec_ends_as_its_command_does(two_subnet: Lab, command: tuple[str, ...], status: int) -> None:
    done = two_subnet.exec_("pod-0", *command)
    assert done.status == status, str(done)
    assert "Traceback" not in done.err


def test_exec_hands_on_words_and_streams_as_they_are(two_subnet: Lab) -> None:
    said = two_subnet.exec_("pod-0", "printf", "<%s>", "two words", "", "$HOME", "--", "*")
    assert said.out == "<two words><><$HOME><--><*>"
    assert two_subnet.exec_("pod-0", "cat", given="as it came\n").out == "as it came\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("exec", "nowhere", "--", "true"), "no place 'nowhere'"),
        (("exec", "pod-0"), "which command?"),
        (("get", "unicorns"), "no resource 'unicorns'"),
        (("get", "pods", "-o", "xml"), "there is no 'xml'"),
        (("graph", "--format", "gif"), "there is no 'gif'"),
        (("inspect", "--no-such-option"), "--no-such-option"),
    ],
)
def test_what_cannot_be_asked_ends_with_2_and_a_sentence(
    two_subnet: Lab, arguments: tuple[str, ...], told: str
) -> None:
    before, dashes, after = arguments[:1], ("--lab", two_subnet.name), arguments[1:]
    assert told in inv(*before, *dashes, *after).refused()
