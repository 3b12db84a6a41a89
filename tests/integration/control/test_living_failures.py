"""What dies is said, comes back by itself, and nothing is lost: programs, clients, what the kernel refuses.

node-0 (pod-0, pod-1, dns-0) ── subnet-a ── node-1 (pod-2, dns-1)     router ── subnet-b ── node-2 (pod-3)
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.network.dns.oci import BUNDLES
from tests.integration.labs import PYTHON, Lab, inv, standing, until
from tests.integration.living import (
    CONNECTIONS,
    NAMES,
    Api,
    apply,
    asking,
    condition,
    container,
    kubectl,
    settle,
    start_kubectl,
    switch,
    told,
)

CURL = ("curl", "-sS", "--max-time", "5")
NAME, DNS = "myapp.namespace001.svc.cluster.local", "172.16.0.10"
DNSMASQ = "dnsmasq --keep-in-foreground"
RESOLVER = "dnsmasq --no-daemon"


@pytest.fixture(scope="module")
def living() -> Iterator[Lab]:
    with standing("two-subnet") as one:
        yield one


def kill_dns(lab: Lab, pod: str) -> None:
    os.kill(lab.pid_of(f"kube-system.{pod}", DNSMASQ), signal.SIGKILL)


def restarts(lab: Lab, namespace: str, pod: str) -> int:
    number: int = container(Api(lab).get("Pod", namespace, pod))["restartCount"]
    return number


def test_the_dns_servers_are_killed_and_answer_again(living: Lab) -> None:
    with asking(living, ("pod-0", "pod-3"), NAMES, DNS, NAME) as streams:
        for pod in ("dns-0", "dns-1"):
            kill_dns(living, pod)
        killed = time.time()
        for pod in ("dns-0", "dns-1"):
            until(lambda pod=pod: restarts(living, "kube-system", pod) == 1, f"{pod} was started anew")  # type: ignore[misc]
        for stream in streams:
            since = stream.wait_until(lambda said: said == {"172.16.10.10"}, "the name is answered again")
            assert since - killed < 10, stream.summary()
    for word in ("dns-0: container ended", "dns-1: container started anew"):
        until(lambda word=word: f"kube-system/{word}" in told(living), f"it is told: {word}")  # type: ignore[misc]
    settle(living)
    assert living.drift() == []
    assert living.plan() == "# no changes"


def test_a_dns_pod_that_is_deleted_is_made_again(living: Lab) -> None:
    before = Api(living).get("Pod", "kube-system", "dns-0")["metadata"]["uid"]
    kubectl(living, "-n", "kube-system", "delete", "pod", "dns-0").ok()
    until(
        lambda: condition(Api(living).get("Pod", "kube-system", "dns-0")) == "True",
        "there is another dns-0, and it is ready",
    )
    settle(living)
    after = Api(living).get("Pod", "kube-system", "dns-0")
    assert after["metadata"]["uid"] != before
    asked = f"dig +short +time=2 +tries=2 @{after['status']['podIP']} {NAME}"
    assert living.in_("pod-3", asked).strip() == "172.16.10.10"
    assert living.drift() == []


def test_the_built_in_server_is_killed_and_serves_again_what_it_served(living: Lab) -> None:
    apply(living, UNWELL)
    api = Api(living)
    until(lambda: condition(api.get("Pod", "default", "unwell")) == "True", "unwell is ready")
    before = {pod: living.in_(pod, "ss -Hltun").split() for pod in ("pod-0", "pod-2", "default/unwell")}
    with asking(living, ("pod-0", "pod-3"), CONNECTIONS, "172.16.10.10", "80") as streams:
        os.kill(living.pid_of("", "lab.kernel.programs.echo"), signal.SIGKILL)
        killed = time.time()
        for stream in streams:
            stream.wait_for(1, killed)
            back = stream.wait_until(lambda said: said <= {"pod-2", "pod-3"}, "myapp answers again")
            assert back - killed < 5, stream.summary()
    assert {pod: living.in_(pod, "ss -Hltun").split() for pod in before} == before
    assert "built-in server" in told(living)
    until(lambda: condition(api.get("Pod", "default", "unwell")) == "True", "unwell is ready")
    assert living.drift() == []


UNWELL = """
apiVersion: v1
kind: Pod
metadata: {name: unwell}
spec:
  nodeName: node-2
  containers:
    - name: c
      image: built-in
      readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}
"""


def test_the_apis_clients_are_cut_off_and_the_lab_goes_on(living: Lab) -> None:
    """Watches end with SIGKILL, in the middle of a line; another one hears all that follows."""
    watches = [start_kubectl(living, "get", "pods", "-A", "-w", "-o", "name") for _ in range(3)]
    try:
        for watch in watches:
            assert watch.stdout is not None
            assert watch.stdout.readline()
        for watch in watches[:2]:
            watch.send_signal(signal.SIGKILL)
            watch.wait(20)
        apply(living, POD_AFTER)
        left = watches[2].stdout
        assert left is not None
        names = iter(left.readline, b"")
        assert any(line == b"pod/after\n" for line in names)
        Api(living).delete("Pod", "default", "after", grace=0)
    finally:
        for watch in watches:
            watch.kill()
            watch.communicate()
    settle(living)
    assert living.exec_("pod-0", *CURL, "http://myapp").ok()
    assert living.plan() == "# no changes"


POD_AFTER = """
apiVersion: v1
kind: Pod
metadata: {name: after}
spec: {nodeName: node-2, containers: [{name: c, image: built-in}]}
"""


def test_a_client_that_hangs_up_in_the_middle_of_a_request_harms_nobody(living: Lab) -> None:
    """As many connections as a client can leave half open, from a pod, where no token is asked for."""
    script = (
        "import socket, ssl\n"
        "for n in range(20):\n"
        "    s = socket.create_connection(('10.0.1.10', 6443), 5)\n"
        "    if n % 2:\n"
        "        c = ssl.create_default_context(); c.check_hostname = False; c.verify_mode = ssl.CERT_NONE\n"
        "        s = c.wrap_socket(s)\n"
        "        s.sendall(b'POST /api/v1/namespaces/default/pods HTTP/1.1\\r\\nHost: x\\r\\n')\n"
        "        s.sendall(b'Content-Length: 500\\r\\n\\r\\n{')\n"
        "    else:\n"
        "        s.sendall(b'garbage')\n"
        "    s.close()\n"
    )
    living.exec_("pod-0", PYTHON, "-c", script).ok()
    assert kubectl(living, "get", "namespaces", "-o", "name").ok()
    assert living.drift() == []


def test_what_the_kernel_refuses_is_said_and_done_as_soon_as_it_can_be(living: Lab) -> None:
    """Somebody's own program has a port that kube-proxy is to serve: what else was asked for is done all the same."""
    own = living.start_exec("node-0", PYTHON, "-m", "http.server", TAKEN_PORT)
    try:
        until(lambda: f":{TAKEN_PORT}" in living.in_("node-0", "ss -Hltn"), "the port is taken")
        apply(living, TAKEN + "---" + BESIDE)
        until(lambda: "could not follow" in told(living), "it is said that the kernel refuses it")
        assert "node-0" in told(living)
        assert TAKEN_PORT in told(living)
        until(
            lambda: living.exec_("pod-3", *CURL, "http://172.16.50.50").out.startswith("pod-"),
            "the Service beside it answers",
        )
    finally:
        own.kill()
        own.communicate()
        for pid, words in living.processes().items():
            if words[-2:] == ("http.server", TAKEN_PORT):
                os.kill(pid, signal.SIGKILL)
    until(
        lambda: '"localEndpoints"' in living.exec_("pod-0", *CURL, f"http://10.0.1.10:{TAKEN_PORT}/healthz").out,
        "kube-proxy answers once its port is free",
        40.0,
    )
    settle(living)
    assert living.drift() == []


TAKEN_PORT = "32100"
TAKEN = f"""
apiVersion: v1
kind: Service
metadata: {{name: taken, namespace: namespace001}}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  healthCheckNodePort: {TAKEN_PORT}
  selector: {{app: myapp}}
  ports: [{{port: 80, targetPort: 8080}}]
"""
BESIDE = """
apiVersion: v1
kind: Service
metadata: {name: beside, namespace: namespace001}
spec: {clusterIP: 172.16.50.50, selector: {app: myapp}, ports: [{port: 80, targetPort: 8080}]}
"""


def test_a_switch_survives_what_happens_to_others(living: Lab) -> None:
    """Health is the pod's own: another pod's coming and going does not make it well."""
    apply(living, UNWELL)
    api = Api(living)
    until(lambda: condition(api.get("Pod", "default", "unwell")) == "True", "unwell is ready")
    address = api.get("Pod", "default", "unwell")["status"]["podIP"]
    switch(living, address, "/ready/false")
    until(lambda: condition(api.get("Pod", "default", "unwell")) == "False", "unwell is not ready")
    apply(living, POD_AFTER)
    api.delete("Pod", "default", "after", grace=0)
    settle(living)
    assert condition(api.get("Pod", "default", "unwell")) == "False"


def test_the_internet_s_resolver_is_killed_and_answers_again(living: Lab) -> None:
    asked = ("curl", "-sS", "--max-time", "5", "http://www.example.com")
    living.exec_("pod-0", *asked).ok()
    os.kill(living.pid_of("internet", RESOLVER), signal.SIGKILL)
    until(lambda: "the internet's resolver ended → a new one" in told(living), "it was started anew, and that is told")
    assert living.pid_of("internet", RESOLVER)
    living.exec_("pod-0", *asked).ok()
    assert "no changes" in living.up().ok()


def test_a_resolver_that_cannot_start_is_told_of_and_tried_again(living: Lab) -> None:
    config = Path(f"/proc/{living.pid()}/root{BUNDLES}/internet/dnsmasq.conf")
    good = config.read_text(encoding="utf-8")
    config.write_text("no option of dnsmasq\n", encoding="utf-8")
    resolver = next(pid for pid, words in living.processes().items() if words[:2] == ("dnsmasq", "--no-daemon"))
    os.kill(resolver, signal.SIGKILL)
    until(lambda: "resolver ended at once" in told(living), "what it said at its end is told")
    assert "in trouble" in living.inspect()
    config.write_text(good, encoding="utf-8")
    until(lambda: "in trouble" not in living.inspect(), "it was tried again")
    living.exec_("pod-0", *CURL, "http://www.example.com").ok()
    assert "no changes" in living.up().ok()


@pytest.mark.parametrize("how", ["umount /run/netns/node-0", "ip netns del node-0"])
def test_a_name_that_somebody_took_away_is_told_wherever_it_is_missed(living: Lab, how: str) -> None:
    if how.startswith("ip"):
        living.in_("underlay", how)
    else:
        living.in_sandbox(how)
    said = inv("trace", "--from", "pod-0", "--to", "myapp", "--lab", living.name).refused(1)
    assert "node-0 has lost its name" in said
    assert "`./inv up` with the lab's file mends it" in said
    until(lambda: "node-0 has lost its name, by hand" in told(living), "it is told as it happens")
    assert any(line.startswith("node-0: netns") for line in living.drift())
    assert "add    node-0: netns" in living.up().ok()
    assert inv("trace", "--from", "pod-0", "--to", "myapp", "--lab", living.name).ok()
