"""Every place has a resolver, a hosts file and a host name of its own, and its programs go by them.

default/usual            ClusterFirst
default/node-like        Default
default/own              None: asks kube-dns, searches only shop.svc.cluster.local, two tries of one second
default/web-0, web-1     in the subdomain of the headless Service web; web-1 has its full name as host name
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.kernel.host import coredns
from lab.kernel.sandbox.sandbox import Sandbox
from lab.map.labmap import LabMap
from lab.network.dns.resolver import Resolver, address_in_hosts, hosts_entries
from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, standing, until

TOPOLOGY = """\
apiVersion: hoplab/v1
kind: Topology
metadata: {name: names}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {clusterIP: 172.16.10.20, ports: [{port: 80, targetPort: 8080}], selector: {app: cart}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, selector: {app: web}}
---
apiVersion: v1
kind: Pod
metadata: {name: usual}
spec:
  nodeName: node-0
  hostAliases: [{ip: 203.0.113.80, hostnames: [legacy, legacy.example.org]}]
  containers: [{name: a, image: a}]
---
apiVersion: v1
kind: Pod
metadata: {name: node-like}
spec: {nodeName: node-0, dnsPolicy: Default, containers: [{name: a, image: a}]}
---
apiVersion: v1
kind: Pod
metadata: {name: own}
spec:
  nodeName: node-0
  dnsPolicy: "None"
  dnsConfig:
    nameservers: [172.16.0.10]
    searches: [shop.svc.cluster.local]
    options: [{name: ndots, value: "2"}, {name: timeout, value: "1"}]
  containers: [{name: a, image: a}]
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, labels: {app: web}}
spec: {nodeName: node-0, hostname: web-0, subdomain: web, containers: [{name: a, image: a}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: web}}
spec:
  nodeName: node-1
  hostname: web-1
  subdomain: web
  setHostnameAsFQDN: true
  containers:
    - name: a
      image: a
      env:
        - {name: GREETING, value: "I am"}
        - {name: ADDRESS, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        - {name: WHOLE, value: $(GREETING) $(ADDRESS)}
      command: [sh, -c, 'hostname >/tmp/of-this-pod.name; echo "$WHOLE"; echo $(GREETING); exec sleep 1000']
"""
FULL = "web-1.web.default.svc.cluster.local"
RESOLVED = "import socket, sys; print(socket.getaddrinfo(sys.argv[1], 80, socket.AF_INET, socket.SOCK_STREAM)[0][4][0])"


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    file = tmp_path_factory.mktemp("names") / "topology.yaml"
    file.write_text(TOPOLOGY, encoding="utf-8")
    with standing(str(file)) as one:
        yield one


def resolved(lab: Lab, place: str, name: str) -> str:
    """What a program in the place is told by the C library; "" when there is no such name."""
    done = lab.exec_(place, "python3", "-c", RESOLVED, name)
    return done.out.strip() if done.status == 0 else ""


def test_each_policy_is_what_programs_go_by(names: Lab) -> None:
    assert resolved(names, "default/usual", "cart.shop") == "172.16.10.20"
    assert resolved(names, "default/usual", "cart") == ""
    assert resolved(names, "default/own", "cart") == "172.16.10.20"
    assert resolved(names, "default/node-like", "cart.shop.svc.cluster.local") == ""
    assert resolved(names, "default/node-like", "www.example.com") == "203.0.113.80"


def test_machines_ask_the_internets_resolver_and_know_their_own_names(names: Lab) -> None:
    for place in ("node-0", "router", "gateway", "internet"):
        assert resolved(names, place, "www.example.com") == "203.0.113.80", place
        assert names.in_(place, "hostname").strip() == place
        assert resolved(names, place, place) != "", place


def test_host_aliases_are_asked_nobody_for(names: Lab) -> None:
    assert resolved(names, "default/usual", "legacy.example.org") == "203.0.113.80"
    assert resolved(names, "default/own", "legacy.example.org") == ""


def test_a_subdomain_gives_a_pod_its_full_name(names: Lab) -> None:
    assert names.in_("default/web-0", "hostname").strip() == "web-0"
    assert names.in_("default/web-0", "hostname --fqdn").strip() == "web-0.web.default.svc.cluster.local"
    assert names.in_("default/web-1", "hostname").strip() == FULL


def test_the_program_of_a_pod_has_its_host_name(names: Lab) -> None:
    written = "/tmp/of-this-pod.name"
    told = until(lambda: names.exec_("default/web-1", "cat", written).out, "it has said its name")
    assert told == f"{FULL}\n"
    assert not Path(written).exists(), "it has written in the pod"


def test_the_program_of_a_pod_has_the_variables_of_its_manifest(names: Lab) -> None:
    address = LabMap.from_json(names.map()).by_name["default/web-1"].address
    told = until(lambda: last_words(names, "default/web-1"), "it has spoken")
    assert told == [f"I am {address}", "I am"]


def last_words(lab: Lab, place: str) -> list[str]:
    """What the pod's program has said, once it has said both lines."""
    log = Path(f"/proc/{lab.pid()}/root/run/hoplab/log") / place.replace("/", ".")
    lines = (line for file in log.glob("*") for line in file.read_text(encoding="utf-8").splitlines())
    said = [line.partition(" ")[2] for line in lines]  # behind the time
    return said if len(said) > 1 else []


@pytest.mark.parametrize("server", ["dnsmasq", "coredns"])
def test_a_pod_is_found_by_its_host_name_below_the_headless_service(
    lab: LabFactory, file: Callable[[str], str], server: str
) -> None:
    if server == "coredns" and coredns.find() is None:
        pytest.skip("no CoreDNS on this machine: ./inv setup --coredns makes it where Go is")
    one = lab(file(TOPOLOGY), "--set", f"dns.server={server}")
    address = LabMap.from_json(one.map()).by_name["default/web-0"].address
    until(lambda: resolved(one, "default/usual", "web-0.web") == address, "DNS knows the pod by its host name")


def test_a_map_tells_what_the_files_say_and_an_edited_file_is_read(names: Lab) -> None:
    labmap, sandbox = LabMap.from_json(names.map()), Sandbox(names.pid())
    for place in labmap.places:
        if place.kind != "underlay":
            hostname = sandbox.own_file(place.name, "hostname").strip()
            assert hostname == labmap.hostname(place), place.name
            text = sandbox.own_file(place.name, "resolv.conf")
            assert Resolver.from_text(text, hostname) == labmap.resolver(place), place.name
            entries = tuple(hosts_entries(sandbox.own_file(place.name, "hosts")))
            assert set(labmap.hosts(place)) <= set(entries), place.name
    assert labmap.resolver(labmap.by_name["default/own"]).timeout == 1
    names.exec_("default/usual", "sh", "-c", "echo 203.0.113.53 edited >>/etc/hosts").ok()
    assert address_in_hosts(hosts_entries(sandbox.own_file("default/usual", "hosts")), "edited") == "203.0.113.53"
    assert "default/usual: " in names.inspect()
    names.up().ok()
    assert sandbox.own_file("default/usual", "hosts").endswith("203.0.113.80\tlegacy\tlegacy.example.org\n")


def test_another_resolver_in_the_file_is_another_pod(names: Lab, tmp_path: Path) -> None:
    edited = tmp_path / "topology.yaml"
    edited.write_text(TOPOLOGY.replace("dnsPolicy: Default", "dnsPolicy: ClusterFirst"), encoding="utf-8")
    names.up(topology=str(edited)).ok()
    assert resolved(names, "default/node-like", "cart.shop") == "172.16.10.20"
    names.up().ok()
    assert resolved(names, "default/node-like", "cart.shop") == ""


def test_what_is_run_beside_it_has_them_too(names: Lab) -> None:
    """As with `kubectl exec`: what a person tries in the container is what its program would do."""
    said = dict(line.split("=", 1) for line in names.in_("default/web-1", "env").splitlines())
    assert said["WHOLE"] == f"I am {said['ADDRESS']}"
    assert said["KUBERNETES_SERVICE_HOST"] == "172.16.0.1"
    assert "WHOLE" not in names.in_("node-1", "env"), "a node has no container's"
