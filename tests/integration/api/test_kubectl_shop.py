"""The shop of topologies/manifests, with each kubectl of this machine: what is typed, the traffic follows.

node-0 (pod-0) ── subnet-a ── node-1 (pod-2)         front ── cart ── stock, stock-peers
                      │
                    router ── subnet-b ── node-2 (pod-3)
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.kubectls import Kubectl
from tests.integration.labs import until
from tests.integration.living import CONNECTIONS, NAMES, ON_EVERY_NODE, Stream, asking

DNS = "172.16.0.10"
WITHIN_SECONDS = 1.0  # so soon after a command has ended, everything answers as it says
OFTEN = 0.005
CONNECTION_REFUSED = 7  # as curl ends


@pytest.fixture
def shop(kubectl: Kubectl) -> Iterator[Kubectl]:
    with kubectl.open_shop() as one:
        yield one


def address(shop: Kubectl, service: str) -> str:
    return str(shop.object("service", service)["spec"]["clusterIP"])


def addresses(shop: Kubectl, selector: str) -> str:
    """Of the pods with these labels, as the name server's answers are told."""
    found = (one["status"]["podIP"] for one in shop.object("pods", "-l", selector)["items"])
    return " ".join(sorted(found))


@contextmanager
def customers(shop: Kubectl, service: str) -> Iterator[list[Stream]]:
    """From every node one who asks the Service again and again."""
    with asking(shop.lab, ON_EVERY_NODE, CONNECTIONS, address(shop, service), "80", every=OFTEN) as streams:
        yield streams


def require_answers(streams: list[Stream], names: set[str], since: float, what: str) -> None:
    """All of these names and no others, within a second after that."""
    for stream in streams:
        first = stream.wait_until(lambda said: said == names, f"{what}: {sorted(names)} answer")
        assert first - since <= WITHIN_SECONDS, f"{stream.what}: {what}: only after {first - since:.2f} s"


def is_refused(shop: Kubectl, place: str, url: str) -> bool:
    """Told at once that nobody listens, as a Service without endpoints does."""
    return shop.lab.exec_(place, "curl", "--silent", "--max-time", "1", url).status == CONNECTION_REFUSED


def printed(process: subprocess.Popen[bytes], words: str) -> str:
    """Everything that it prints until a line that has these words."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line.decode()
        if words in said.splitlines()[-1]:
            return said
    raise AssertionError(f"it ended without saying {words!r}: {said}")


def test_a_scaled_deployment_is_watched_and_answers(shop: Kubectl) -> None:
    with customers(shop, "cart") as streams:
        require_answers(streams, shop.ready_pods("tier=cart"), time.time(), "applied")
        watching = shop.start("get", "deployment", "cart", "--watch")
        printed(watching, "2/2")
        shop("scale", "deployment/cart", "--replicas=4")
        told = printed(watching, "4/4     4            4")
        watching.terminate()
        watching.communicate(timeout=60)
        assert "2/4" in told, told
        grown = shop.ready_pods("tier=cart")
        assert len(grown) == 4, grown
        require_answers(streams, grown, time.time(), "scaled up")
        shop("scale", "deployment/cart", "--replicas=1", "--current-replicas=4")
        left = until(lambda: len(found := shop.ready_pods("tier=cart")) == 1 and found, "one is left")
        assert isinstance(left, set)
        require_answers(streams, left, time.time(), "scaled down")


def test_a_pod_that_loses_its_label_is_replaced(shop: Kubectl) -> None:
    before = shop.ready_pods("tier=cart")
    retired = min(before)
    with customers(shop, "cart") as streams:
        require_answers(streams, before, time.time(), "applied")
        assert shop("label", "pod", retired, "tier=retired", "--overwrite") == f"pod/{retired} labeled\n"
        now = until(lambda: len(found := shop.ready_pods("tier=cart")) == 2 and found, "there is another one")
        assert isinstance(now, set)
        assert retired not in now
        require_answers(streams, now, time.time(), "replaced")
    own = shop.object("pod", retired)
    assert not own["metadata"].get("ownerReferences"), "nobody owns it any more"
    assert retired in shop.lab.in_("pod-0", f"curl --silent --max-time 5 http://{own['status']['podIP']}:8080/")


def test_a_rollout_is_followed_undone_and_loses_no_request(shop: Kubectl) -> None:
    with customers(shop, "front") as streams:
        first = shop.ready_pods("tier=front")
        require_answers(streams, first, time.time(), "applied")
        began = time.time()
        assert shop("rollout", "restart", "deployment/front") == "deployment.apps/front restarted\n"
        told = shop("rollout", "status", "deployment/front", "--timeout=60s")
        assert 'deployment "front" successfully rolled out' in told
        second = shop.ready_pods("tier=front")
        assert not first & second
        require_answers(streams, second, time.time(), "restarted")
        history = shop("rollout", "history", "deployment/front").splitlines()[2:4]
        assert [line.split()[0] for line in history] == ["1", "2"]
        assert shop("rollout", "undo", "deployment/front") == "deployment.apps/front rolled back\n"
        shop("rollout", "status", "deployment/front", "--timeout=60s")
        require_answers(streams, shop.ready_pods("tier=front"), time.time(), "undone")
        for stream in streams:
            lost = [one.told for one in stream.since(began) if one.told.startswith("error")]
            assert not lost, stream.summary()
    sets = shop("get", "replicasets", "-l", "tier=front", "--no-headers").splitlines()
    assert sorted(line.split()[1:4] for line in sets) == [["0", "0", "0"], ["2", "2", "2"]]


def test_names_and_node_ports_follow_too(shop: Kubectl) -> None:
    name = f"stock-peers.{shop.namespace}.svc.cluster.local"
    with asking(shop.lab, ("pod-0",), NAMES, DNS, name) as (asked,):
        three = addresses(shop, "tier=stock")
        assert len(three.split()) == 3
        require_answers([asked], {three}, time.time(), "headless")
        shop("scale", "deployment/stock", "--replicas=2")
        until(lambda: len(shop.names("pods", "-l", "tier=stock")) == 2, "one of the stock's pods has gone")
        require_answers([asked], {addresses(shop, "tier=stock")}, time.time(), "headless, scaled down")
    with asking(shop.lab, ("router",), CONNECTIONS, "10.0.2.10", "30081") as streams:
        require_answers(streams, shop.ready_pods("tier=front"), time.time(), "by the node's port")


def test_what_is_deleted_answers_nobody(shop: Kubectl) -> None:
    url = f"http://{address(shop, 'cart')}/"
    assert shop("delete", "deployment", "cart").startswith('deployment.apps "cart" deleted')
    until(lambda: not shop.names("pods", "-l", "tier=cart"), "its pods go with it")
    for place in ON_EVERY_NODE:
        until(lambda place=place: is_refused(shop, place, url), f"{place} is refused", WITHIN_SECONDS)  # type: ignore[misc]
    assert not shop.names("replicasets", "-l", "tier=cart")
    shop("delete", "service/cart", "service/stock")
    assert shop.names("services") == {"front", "stock-peers"}
    shop("delete", "namespace", shop.namespace)
    assert shop.refused("get", "namespace", shop.namespace) == (
        f'Error from server (NotFound): namespaces "{shop.namespace}" not found\n'
    )
    assert shop("get", "all") == ""
    shop("create", "namespace", shop.namespace)
