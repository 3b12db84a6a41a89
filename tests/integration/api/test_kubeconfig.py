"""Who may speak to a lab's API server from outside: whoever can read its kubeconfig, which is the lab's owner."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import ssl
import stat
import statistics
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import LabFactory
from tests.integration.kubectls import HOW_TO_GET_ONE
from tests.integration.labs import PYTHON, Lab, inv, until
from tests.integration.living import Api, RefusedError, kubeconfig

UNAUTHORIZED, FORBIDDEN, NOBODY = 401, 403, 65534
DELAYED_ACKNOWLEDGEMENT = 0.03  # seconds: Linux waits for 40 ms before it acknowledges a segment alone
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason=HOW_TO_GET_ONE)


def port_of(lab: Lab) -> int:
    config = yaml.safe_load(kubeconfig(lab).read_text(encoding="ascii"))
    found = re.fullmatch(r"https://127\.0\.0\.1:(\d+)", config["clusters"][0]["cluster"]["server"])
    assert found, config
    return int(found[1])


def answered(lab: Lab, **headers: str) -> int:
    """The status of an answer to somebody who does not mind the certificate, with these headers."""
    trusting = ssl._create_unverified_context()  # noqa: S323  that is the point
    connection = http.client.HTTPSConnection("127.0.0.1", port_of(lab), context=trusting, timeout=60)
    connection.request("GET", "/api/v1/pods", headers=headers)
    return connection.getresponse().status


def test_up_says_where_it_is_and_only_its_owner_reads_it(two_subnet: Lab, lab: LabFactory) -> None:
    one = lab("minimal", up=False)
    told = one.up().ok()
    path = kubeconfig(one)
    assert f"  export KUBECONFIG={path}\n" in told
    status = path.stat()
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert status.st_uid == Path(f"/proc/{one.pid()}").stat().st_uid, "it is the lab's own, and root's to read"
    before = path.read_text(encoding="ascii")
    assert "no changes" in one.up().ok()
    assert path.read_text(encoding="ascii") == before, "a second up leaves it as it is"
    assert Api(one).list("Namespace")
    assert port_of(one) != port_of(two_subnet), "two labs, two ports"
    port = port_of(one)
    one.down().ok()
    assert not path.exists()
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 5):
        pass


def test_who_has_no_token_is_told_nothing(two_subnet: Lab) -> None:
    assert answered(two_subnet) == FORBIDDEN, "nobody in particular may not"
    assert answered(two_subnet, Authorization="Bearer guessed") == UNAUTHORIZED
    assert Api(two_subnet).list("Pod"), "with it everything"


ASKING = """
import json, ssl, sys, urllib.error, urllib.request
for path in sys.argv[1:]:
    try:
        with urllib.request.urlopen("https://172.16.0.1" + path, context=ssl._create_unverified_context()) as answer:
            print(answer.status)
    except urllib.error.HTTPError as refused:
        print(refused.code, json.load(refused)["message"])
"""


def test_a_pod_without_a_token_may_nothing(two_subnet: Lab) -> None:
    """pod-0 -> kubernetes (172.16.0.1) -> API server: who shows nothing is told the version and the health."""
    done = two_subnet.exec_("pod-0", PYTHON, "-c", ASKING, "/version", "/readyz", "/api/v1/secrets")
    version, health, secrets = done.ok().splitlines()
    assert (version, health) == ("200", "200")
    assert secrets.startswith('403 secrets is forbidden: User "system:anonymous" cannot list resource "secrets"')


def test_a_pod_is_its_service_account_and_a_node_itself(two_subnet: Lab) -> None:
    """pod-0 -> kubernetes.default -> API server, with what kubelet mounts."""
    own = "/var/run/secrets/kubernetes.io/serviceaccount"
    asking = f'curl -sS --cacert {own}/ca.crt -H "Authorization: Bearer $(cat {own}/token)" https://kubernetes.default'
    told = two_subnet.exec_("pod-0", "sh", "-c", f"{asking}/api/v1/pods; {asking}/api; cat {own}/namespace").ok()
    assert 'User \\"system:serviceaccount:namespace001:default\\" cannot list resource \\"pods\\"' in told, told
    assert "APIVersions" in told, told
    assert told.endswith("namespace001"), told
    config = yaml.safe_load(two_subnet.in_("node-0", "cat /etc/kubernetes/kubelet.conf"))
    user, server = config["users"][0], config["clusters"][0]["cluster"]["server"]
    assert user["name"] == "system:node:node-0"
    bearer = f"Authorization: Bearer {user['user']['token']}"
    reading = ("curl", "-sSk", "-o", "/dev/null", "-w", "%{http_code}", "-H", bearer)
    assert two_subnet.exec_("node-0", *reading, f"{server}/api/v1/nodes/node-0").ok() == "200"
    assert two_subnet.exec_("node-0", *reading, f"{server}/api/v1/namespaces/kube-system/configmaps").ok() == "403"


PROGRAM = """\
apiVersion: v1
kind: Pod
metadata: {name: asks}
spec:
  containers:
    - {name: asks, image: sh, command: [sh, -c, "ls /var/run/secrets/kubernetes.io/serviceaccount; sleep 1000"]}
"""


def test_a_program_finds_its_token_when_it_begins(lab: LabFactory, tmp_path: Path) -> None:
    file = tmp_path / "asks.yaml"
    file.write_text(
        f"apiVersion: hoplab/v1\nkind: Topology\nmetadata: {{name: asks}}\n---\n{PROGRAM}", encoding="utf-8"
    )
    one = lab(str(file))
    log = Path(f"/proc/{one.pid()}/root/run/hoplab/log/default.asks/command.log")
    until(lambda: "token" in log.read_text(encoding="utf-8"), "it has found its token")


def test_what_was_mounted_is_trusted_when_another_node_is_the_first(lab: LabFactory, tmp_path: Path) -> None:
    """The API server moves to the new first node, with a new certificate: whoever runs already has the old files."""
    file = tmp_path / "moves.yaml"
    nodes = "spec: {{nodes: [{{name: {}}}, {{name: {}}}]}}"
    head = "apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: moves}\n"
    file.write_text(f"{head}{nodes.format('node-0', 'node-1')}\n---\n{PROGRAM}", encoding="utf-8")
    one = lab(str(file))
    before = kubeconfig(one).read_text(encoding="ascii")
    file.write_text(f"{head}{nodes.format('node-1', 'node-0')}\n---\n{PROGRAM}", encoding="utf-8")
    one.up().ok()
    own = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
    asking = ("curl", "-sS", "--cacert", own, "https://kubernetes.default/version")
    until(lambda: "gitVersion" in one.exec_("asks", *asking).out, "it trusts the server that is there now")
    assert kubeconfig(one).read_text(encoding="ascii") == before, "nor need the owner read another"


@needs_kubectl
def test_the_owner_asks_as_others(two_subnet: Lab) -> None:
    def told(*words: str) -> str:
        return inv("kubectl", "--lab", two_subnet.name, "--", "auth", "can-i", *words).out.strip()

    assert told("delete", "pods") == "yes"
    assert told("list", "pods", "--as", "system:serviceaccount:namespace001:default") == "no"
    assert told("list", "services", "--as", "system:serviceaccount:kube-system:coredns") == "yes"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_cannot_read_it(two_subnet: Lab) -> None:
    read = subprocess.run(
        ("setpriv", f"--reuid={NOBODY}", "--clear-groups", "cat", str(kubeconfig(two_subnet))),
        capture_output=True,
        text=True,
        check=False,
    )
    assert read.returncode != 0
    assert "Permission denied" in read.stderr, read.stderr


def test_a_token_of_one_lab_opens_no_other(two_subnet: Lab, lab: LabFactory) -> None:
    one, other = yaml.safe_load(kubeconfig(two_subnet).read_text()), lab("minimal")
    token = one["users"][0]["user"]["token"]
    assert answered(two_subnet, Authorization=f"Bearer {token}") == 200
    assert answered(other, Authorization=f"Bearer {token}") == UNAUTHORIZED


@needs_kubectl
def test_inv_kubectl_chooses_the_lab(two_subnet: Lab, lab: LabFactory, tmp_path: Path) -> None:
    other = lab("minimal")
    home = {"HOME": str(tmp_path)}
    told = inv("kubectl", "--lab", two_subnet.name, "--", "get", "nodes", "-o", "name", extra=home).ok()
    assert list(tmp_path.iterdir()) == [], "what kubectl remembers of a lab stays in the person's home"
    assert told.split() == ["node/node-0", "node/node-1", "node/node-2"]
    told = inv("kubectl", "--lab", other.name, "--", "get", "pods", "-A").ok()
    assert "namespace001" not in told
    assert "kube-system" in told
    by_name = inv("kubectl", "--", "config", "current-context", extra={"HOPLAB_LAB": other.name}).ok()
    assert by_name == f"{other.name}\n"
    missing = inv("kubectl", "--lab", two_subnet.name, "--", "get", "pod", "nobody")
    assert missing.status == 1, "the exit status is kubectl's"
    assert missing.err == 'Error from server (NotFound): pods "nobody" not found\n'


def test_a_missing_kubectl_is_said_and_how_to_get_one(two_subnet: Lab, tmp_path: Path) -> None:
    told = inv("kubectl", "--lab", two_subnet.name, "--", "get", "pods", extra={"PATH": str(tmp_path)}).refused(1)
    assert "this machine has no kubectl" in told
    assert "kubernetes-client" in told


def test_one_answer_follows_the_other_at_once(two_subnet: Lab) -> None:
    """Head and body of an answer are two segments: the second must not wait until the first is acknowledged."""
    api = Api(two_subnet)
    api.list("Namespace")
    took = []
    for _ in range(20):
        began = time.monotonic()
        api.list("Namespace")
        took.append(time.monotonic() - began)
    assert statistics.median(took) < DELAYED_ACKNOWLEDGEMENT, took


def test_the_certificate_is_that_of_the_lab(two_subnet: Lab) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        http.client.HTTPSConnection("127.0.0.1", port_of(two_subnet), timeout=60).request("GET", "/")
    with pytest.raises(RefusedError) as refused:
        Api(two_subnet).get("Pod", "default", "nobody")
    assert refused.value.code == 404
