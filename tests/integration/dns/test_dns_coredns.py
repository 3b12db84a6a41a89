"""The real CoreDNS in the DNS pods: it learns the cluster from the API server, and its Corefile may be edited."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from lab.kernel.host import coredns
from tests.integration.dns_table import CLIENT, SHARED, TOPOLOGY, Answer, Z, ask, differences, with_addresses
from tests.integration.labs import Lab, inv, standing, until
from tests.integration.living import kubeconfig

WITH_COREDNS = TOPOLOGY.replace("spec:\n", "spec:\n  dns: {server: coredns}\n", 1)
API = "https://172.16.0.1/api/v1/namespaces"  # the API server as pods reach it
CURL = ("curl", "--silent", "--show-error", "--fail", "--insecure")
CONFIG_MAP = "kube-system/configmaps/coredns"
MERGE = "application/merge-patch+json"

pytestmark = pytest.mark.skipif(
    coredns.find() is None, reason="no CoreDNS on this machine: ./inv setup --coredns makes it where Go is"
)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The lab of the table. A test that edits the Corefile puts the old one back."""
    file = tmp_path_factory.mktemp("names") / "topology.yaml"
    file.write_text(WITH_COREDNS, encoding="utf-8")
    with standing(str(file), *SHARED) as one:
        yield one


@pytest.fixture
def edit(names: Lab) -> Iterator[Callable[[str, str], None]]:
    """Replaces something in the Corefile, in its ConfigMap, as a person does with kubectl."""
    original: str = json.loads(_api(names, "GET", CONFIG_MAP))["data"]["Corefile"]

    def replace(old: str, new: str) -> None:
        assert old in original
        _put_corefile(names, original.replace(old, new))

    yield replace
    _put_corefile(names, original)
    until(lambda: _one(names, f"web.shop.svc.{Z} A").ttls == (30,), "the old Corefile is in force again")


def _api(lab: Lab, method: str, path: str, body: object = None, kind: str = "application/json") -> str:
    """What the API server answers to the owner, who asks from the client's pod; the test fails if that is an error."""
    token = yaml.safe_load(kubeconfig(lab).read_text(encoding="ascii"))["users"][0]["user"]["token"]
    given = ("-H", f"Content-Type: {kind}", "--data-binary", "@-") if body else ()
    command = (*CURL, "-H", f"Authorization: Bearer {token}", "-X", method, *given, f"{API}/{path}")
    return lab.exec_(CLIENT, *command, given=json.dumps(body) if body else "").ok()


def _put_corefile(lab: Lab, corefile: str) -> None:
    _api(lab, "PATCH", CONFIG_MAP, {"data": {"Corefile": corefile}}, MERGE)


def _one(lab: Lab, question: str) -> Answer:
    return ask(lab, [question])[0]


def _servers(lab: Lab) -> set[int]:
    return {pid for pid, words in lab.processes().items() if Path(words[0]).name == "coredns"}


def _log(lab: Lab) -> str:
    """What both servers have said."""
    return "".join(_api(lab, "GET", f"kube-system/pods/dns-{i}/log") for i in (0, 1))


def test_every_row_of_the_table(names: Lab) -> None:
    rows = with_addresses(names)
    wrong = differences(rows, ask(names, [row.question for row in rows]), soa=True)
    assert not wrong, "\n".join(wrong)


def test_it_says_nothing_about_what_dnsmasq_could_not(names: Lab) -> None:
    said = names.up()
    assert "dnsmasq" not in said.err, str(said)


def test_an_edited_corefile_is_read_by_the_programs_that_run(names: Lab, edit: Callable[[str, str], None]) -> None:
    before = _servers(names)
    assert len(before) == 2, "two DNS pods"
    edit("ttl 30", "ttl 7")
    until(lambda: {_one(names, f"web.shop.svc.{Z} A").ttls for _ in range(4)} == {(7,)}, "answers hold for 7 s")
    assert _servers(names) == before, "nothing was started anew"


@pytest.mark.usefixtures("edit")  # it puts the old one back
def test_an_edited_corefile_may_come_by_apply(names: Lab) -> None:
    held = json.loads(_api(names, "GET", CONFIG_MAP))
    corefile = held["data"]["Corefile"].replace("ttl 30", "ttl 8")
    metadata = {"name": "coredns", "namespace": "kube-system"}
    given = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"Corefile": corefile}})
    applied = inv("apply", "--file", "-", "--lab", names.name, given=given)
    assert applied.ok() == "configmap/coredns configured\n"
    until(lambda: {_one(names, f"web.shop.svc.{Z} A").ttls for _ in range(4)} == {(8,)}, "answers hold for 8 s")


def test_a_corefile_that_cannot_be_read_changes_nothing_but_the_log(
    names: Lab, edit: Callable[[str, str], None]
) -> None:
    before = _servers(names)
    edit("loadbalance", "nonsense")
    until(lambda: _log(names).count("Unknown directive 'nonsense'") >= 2, "both servers have said what is wrong")
    assert _one(names, f"web.shop.svc.{Z} A").answers == ("172.16.0.80",)
    assert _servers(names) == before


def test_names_of_pods_are_verified_when_the_corefile_says_so(names: Lab, edit: Callable[[str, str], None]) -> None:
    own = next(row.answers[0] for row in with_addresses(names) if row.question.endswith(f".web.shop.svc.{Z} A"))
    there, not_there = (f"{address.replace('.', '-')}.shop.pod.{Z} A" for address in (own, "10.244.0.99"))
    edit("pods insecure", "pods verified")
    until(lambda: {_one(names, not_there).status for _ in range(4)} == {"NXDOMAIN"}, "no pod has the address")
    until(lambda: {_one(names, there).answers for _ in range(4)} == {(own,)}, "a pod that is there has its name")


def test_pods_have_no_names_when_the_corefile_says_so(names: Lab, edit: Callable[[str, str], None]) -> None:
    edit("pods insecure", "pods disabled")
    question = f"10-244-0-99.shop.pod.{Z} A"
    until(lambda: {_one(names, question).status for _ in range(4)} == {"NXDOMAIN"}, "no pod has a name")


def test_services_that_come_and_go_are_heard_of(names: Lab) -> None:
    question = f"fresh.shop.svc.{Z} A"
    assert _one(names, question).status == "NXDOMAIN"
    spec = {"clusterIP": "172.16.0.99", "selector": {"app": "web"}, "ports": [{"port": 80}]}
    _api(names, "POST", "shop/services", {"metadata": {"name": "fresh"}, "spec": spec})
    until(lambda: {_one(names, question).answers for _ in range(4)} == {("172.16.0.99",)}, "both servers know it")
    _api(names, "DELETE", "shop/services/fresh")
    until(lambda: {_one(names, question).status for _ in range(4)} == {"NXDOMAIN"}, "both servers have forgotten it")


def test_a_headless_name_follows_its_selector(names: Lab) -> None:
    def label(app: str) -> None:
        _api(names, "PATCH", "shop/pods/db-1", {"metadata": {"labels": {"app": app}}}, MERGE)

    def addresses() -> set[int]:
        return {len(_one(names, f"db.shop.svc.{Z} A").answers) for _ in range(4)}

    assert addresses() == {2}
    label("aside")
    until(lambda: addresses() == {1}, "the pod that is not selected any longer is left out")
    label("db")
    until(lambda: addresses() == {2}, "it is back")


def test_a_server_that_was_killed_comes_back_and_the_other_answers_meanwhile(names: Lab) -> None:
    before = _servers(names)
    os.kill(min(before), signal.SIGKILL)
    until(lambda: len(_servers(names)) == 2 and min(before) not in _servers(names), "there are two servers again")
    rows = with_addresses(names)
    questions = [row.question for row in rows]
    until(lambda: not differences(rows, ask(names, questions), soa=True), "the whole table is answered again")


def test_one_server_takes_the_others_place_while_the_lab_stands() -> None:
    """`up` with another server leaves pods that answer at once, and the lab as designed."""
    with standing("two-subnet") as one:
        for server in ("coredns", "dnsmasq"):
            one.up("--set", f"dns.server={server}").ok()
            assert one.exec_("pod-0", "curl", "-sS", "--max-time", "5", "http://myapp").ok()
            told = json.loads(one.get("pods", "-n", "kube-system", "--output", "json"))
            assert {pod["spec"]["containers"][0]["image"] for pod in told["items"]} == {server}
            assert one.drift() == []
