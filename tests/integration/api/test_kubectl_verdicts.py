"""One file of good, bad and unknown objects, given to each kubectl of this machine and to `./inv apply`: they agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.integration.api.test_kubectl_refusals import TABLE
from tests.integration.kubectls import Kubectl
from tests.integration.labs import Done, inv

STRICT_SINCE = 27  # the minor release from which on a kubectl has the server refuse unknown fields


@dataclass(frozen=True, slots=True)
class Case:
    """A manifest and its verdict; `since` is the first kubectl that agrees."""

    verdict: str
    manifest: str
    since: int = 0


GOOD = (
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: good}, data: {a: b}}",
    "{apiVersion: v1, kind: Secret, metadata: {name: good}, stringData: {user: me}}",
    "{apiVersion: v1, kind: ServiceAccount, metadata: {name: good}}",
    "{apiVersion: v1, kind: Service, metadata: {name: good}, spec: {ports: [{port: 80}]}}",
    "{apiVersion: v1, kind: Endpoints, metadata: {name: good}, subsets: [{addresses: [{ip: 192.0.2.1}], "
    "ports: [{port: 80}]}]}",
    "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: good}, addressType: IPv4, endpoints: []}",
    "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: good}, spec: {replicas: 0, "
    "selector: {matchLabels: {a: b}}, "
    "template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: built-in}]}}}}",
)
UNKNOWN = (
    "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: bad}}",
    "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: bad}, spec: {podSelector: {}}}",
    "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: bad}}",
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: bad}}",
    "{apiVersion: monitoring.coreos.com/v1, kind: ServiceMonitor, metadata: {name: bad}}",
    "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: bad}}",
    "{apiVersion: extensions/v1beta1, kind: Deployment, metadata: {name: bad}}",
)
MORE_BAD = (
    "{apiVersion: v1, kind: Secret, metadata: {name: bad}, data: {k: not base64}}",
    "{apiVersion: v1, kind: Secret, metadata: {name: bad}, type: kubernetes.io/tls}",
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: bad, namespace: nowhere}}",
)
OTHERWISE = ("a kind that is not served", "another address")  # told of elsewhere here
ODD = "{apiVersion: v1, kind: Service, metadata: {name: odd}, spec: {prots: [], ports: [{port: 80}]}}"
CASES = (
    *(Case("applied", one) for one in GOOD[:3]),
    *(
        Case("refused", bad.manifest)
        for bad in TABLE
        if "not served" not in bad.about and bad.about != "another address"
    ),
    *(Case("no such kind", one) for one in UNKNOWN),
    *(Case("refused", one) for one in MORE_BAD),
    Case("refused", ODD, STRICT_SINCE),
    *(Case("applied", one) for one in GOOD[3:]),
)
HELD = (
    "{apiVersion: v1, kind: Service, metadata: {name: holds}, "
    "spec: {type: NodePort, ports: [{port: 80, nodePort: 30555}]}}"
)


@pytest.fixture
def own(kubectl: Kubectl) -> Iterator[Kubectl]:
    with kubectl.in_new_namespace() as one:
        one("apply", "-f", "-", given=f"---\n{HELD}\n")
        yield one


def in_namespace(manifest: str, namespace: str) -> str:
    """As kubectl's --namespace would have it."""
    if "namespace:" in manifest:
        return manifest
    return manifest.replace("metadata: {", f"metadata: {{namespace: {namespace}, ", 1)


def text_of(cases: tuple[Case, ...], namespace: str) -> str:
    return "".join(f"---\n{in_namespace(case.manifest, namespace)}\n" for case in cases)


def stored(kubectl: Kubectl) -> set[str]:
    """What the namespace holds, by kind and name, but for what controllers made of it."""
    kinds = "configmaps,secrets,serviceaccounts,services,endpoints,endpointslices,replicasets,deployments,pods"
    found = kubectl("get", kinds, "-o", "name").split()
    return {one for one in found if one.rpartition("/")[2] in ("good", "bad", "odd", "p", "s", "d", "m")}


def verdicts_of_kubectl(done: Done) -> dict[str, int]:
    return {
        "applied": len(re.findall(r"^\S+ (?:created|configured|unchanged)$", done.out, re.MULTILINE)),
        "no such kind": len(re.findall(r"no matches for kind ", done.err)),
    }


def verdicts_of_inv(done: Done) -> dict[str, int]:
    unknown = (
        r": kind: .* is not a kind of object that Hoplab knows| is left out|: apiVersion: \w+ is not of apiVersion "
    )
    return {
        "applied": len(re.findall(r"^\S+ (?:created|configured|unchanged)$", done.out, re.MULTILINE)),
        "no such kind": len(re.findall(unknown, done.err)),
    }


def test_a_mixed_file_is_judged_as_kubectl_judges_it_object_by_object(own: Kubectl) -> None:
    cases = tuple(case for case in CASES if own.minor >= case.since)
    expected = {verdict: sum(case.verdict == verdict for case in cases) for verdict in ("applied", "no such kind")}
    text = text_of(cases, own.namespace)
    theirs = own.done("apply", "-f", "-", given=text)
    assert (theirs.status, verdicts_of_kubectl(theirs)) == (1, expected), str(theirs)
    after = stored(own)
    again = inv("apply", "--file", "-", "--lab", own.lab.name, given=text)
    assert sorted(again.out.splitlines()) == sorted(own.done("apply", "-f", "-", given=text).out.splitlines())
    assert stored(own) == after
    with own.in_new_namespace() as other:
        ours = inv("apply", "--file", "-", "--lab", own.lab.name, given=text_of(cases, other.namespace))
        assert (ours.status, verdicts_of_inv(ours)) == (1, expected), str(ours)
        assert stored(other) == after
        assert sorted(ours.out.splitlines()) == sorted(theirs.out.splitlines())
        failed = sum(case.verdict != "applied" and "kind: Role," not in case.manifest for case in cases)
        assert f"{failed} of {len(cases)} objects were not applied" in ours.err


def test_a_file_whose_objects_are_all_stored_or_mean_nothing_ends_well(own: Kubectl) -> None:
    text = text_of(tuple(Case("applied", one) for one in (*GOOD, UNKNOWN[3])), own.namespace)
    done = inv("apply", "--file", "-", "--lab", own.lab.name, given=text)
    assert done.status == 0, str(done)
    assert "\nwarning: " in f"\n{done.err}"
    assert "Role bad is left out; it means nothing to this network" in done.err.replace(f"{own.namespace}/", "")
    gone = inv("delete", "--file", "-", "--lab", own.lab.name, given=text)
    assert (gone.status, gone.out.count(" deleted\n")) == (0, len(GOOD)), str(gone)
    again = inv("delete", "--file", "-", "--lab", own.lab.name, given=text)
    theirs = own.done("delete", "-f", "-", given=text)
    assert (again.status, theirs.status) == (1, 1), f"{again}{theirs}"
    assert again.err.count("is not there\n") == len(GOOD) == theirs.err.count("(NotFound)"), f"{again}{theirs}"


@pytest.mark.parametrize(
    ("text", "said"),
    [("# nothing\n", "standard input has no objects"), ("a: [b", "hoplab: error: nothing was changed")],
)
def test_a_file_that_holds_nothing_or_cannot_be_read_does_nothing(own: Kubectl, text: str, said: str) -> None:
    done = inv("apply", "--file", "-", "--lab", own.lab.name, given=text)
    assert (done.status, done.out, said in done.err) == (2, "", True), str(done)


def test_what_kube_proxy_and_people_ask_for_is_served(own: Kubectl) -> None:
    assert "172.16.0.0/16" in own("get", "servicecidrs")
    assert "services/kube-system/kube-dns" in own("get", "ipaddress", "172.16.0.10")
    assert own("get", "ip", "172.16.0.1", "-o", "jsonpath={.spec.parentRef.name}") == "kubernetes"
    own("create", "secret", "generic", "login", "--from-literal=user=me")
    assert own("get", "secret", "login", "-o", "jsonpath={.data.user}") == "bWU="
    own("create", "serviceaccount", "robot")
    assert own("get", "sa", "-o", "name") == "serviceaccount/robot\n"
    old = own("get", "events", "--all-namespaces", "-o", "jsonpath={.items[*].metadata.uid}").split()
    new = own("get", "events.events.k8s.io", "--all-namespaces", "-o", "jsonpath={.items[*].metadata.uid}").split()
    assert old
    assert set(old) <= set(new)
    notes = own("get", "events.v1.events.k8s.io", "--all-namespaces", "-o", "jsonpath={.items[*].note}")
    assert "Started container" in notes
