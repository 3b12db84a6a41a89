"""What each kubectl of this machine changes: objects made, patched, replaced, tried without effect; not the traffic."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.kubectls import SHOP, Kubectl

DIFFERENT = 1  # as diff ends when it finds something
MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: red}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec:
  selector: {app: web}
  ports:
    - {name: http, port: 80, targetPort: 8080}
    - {name: metrics, port: 9090}
"""
OTHER_PORT = """
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {ports: [{name: http, port: 80, targetPort: 8081}]}
"""


@pytest.fixture
def own(kubectl: Kubectl) -> Iterator[Kubectl]:
    with kubectl.in_new_namespace() as one:
        yield one


def test_objects_are_made_from_words(own: Kubectl) -> None:
    """From 1.32 on kubectl sends these as protobuf."""
    web = ("create", "deployment", "web", "--image=built-in")
    assert own(*web) == "deployment.apps/web created\n"
    assert own.refused(*web).strip() in (
        'error: failed to create deployment: deployments.apps "web" already exists',
        'Error from server (AlreadyExists): deployments.apps "web" already exists',
    )
    assert own("expose", "deployment", "web", "--port=80", "--target-port=8080") == "service/web exposed\n"
    assert own("create", "service", "clusterip", "plain", "--tcp=81:8080") == "service/plain created\n"
    assert own("create", "service", "nodeport", "outside", "--tcp=82:8080") == "service/outside created\n"
    assert own("create", "service", "externalname", "elsewhere", "--external-name=www.example.com")
    assert own("create", "configmap", "settings", "--from-literal=colour=red") == "configmap/settings created\n"
    assert own("run", "one", "--image=built-in", "--port=8080", "--labels=app=web") == "pod/one created\n"
    own("wait", "--for=condition=Ready", "pod/one", "--timeout=60s")
    own("wait", "--for=condition=Available", "deployment/web", "--timeout=60s")
    assert len(own.object("endpoints", "web")["subsets"][0]["addresses"]) == 2, "the pod has the deployment's label"
    port = own.object("service", "plain")["spec"]["ports"][0]
    assert (port["port"], port["targetPort"]) == (81, 8080)
    assert 30000 <= own.object("service", "outside")["spec"]["ports"][0]["nodePort"] <= 32767
    assert own.object("configmap", "settings")["data"] == {"colour": "red"}
    assert own("delete", "pod/one", "deployment/web", "service/plain").count("deleted") == 3


def test_what_is_applied_again_changes_only_where_it_differs(own: Kubectl) -> None:
    assert own("apply", "-f", "-", given=SERVICE) == "service/web created\n"
    made = own.object("service", "web")
    assert own("apply", "-f", "-", given=SERVICE) == "service/web unchanged\n"
    own("label", "service", "web", "by=hand")
    fewer = SERVICE.replace("    - {name: metrics, port: 9090}\n", "").replace("port: 80,", "port: 8000,")
    assert own("apply", "-f", "-", given=fewer) == "service/web configured\n"
    after = own.object("service", "web")
    assert [(one["name"], one["port"]) for one in after["spec"]["ports"]] == [("http", 8000)]
    assert after["metadata"]["labels"] == {"app": "web", "by": "hand"}, "what others have put there stays"
    assert after["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    assert after["metadata"]["uid"] == made["metadata"]["uid"]


def test_the_shop_is_applied_by_the_server(own: Kubectl) -> None:
    applied = own("apply", "--server-side", "-f", str(SHOP))
    assert applied.count("serverside-applied") == 7
    own("rollout", "status", "deployment/cart", "--timeout=60s")
    assert own("apply", "--server-side", "-f", str(SHOP)) == applied
    as_somebody = ("apply", "--server-side", "--field-manager=somebody", "-f", "-")
    refused = own.refused(*as_somebody, given=OTHER_PORT)
    assert "conflict with" in refused, refused
    assert ".spec.ports" in refused, refused
    own(*as_somebody, "--force-conflicts", given=OTHER_PORT)
    assert own.object("service", "cart")["spec"]["ports"][0]["targetPort"] == 8081


def test_objects_are_patched_in_every_form(own: Kubectl) -> None:
    own("create", "deployment", "web", "--image=built-in")
    own("apply", "-f", "-", given=SERVICE)
    sidecar = '{"spec":{"template":{"spec":{"containers":[{"name":"sidecar","image":"built-in"}]}}}}'
    assert own("patch", "deployment", "web", "-p", sidecar) == "deployment.apps/web patched\n"
    containers = own.object("deployment", "web")["spec"]["template"]["spec"]["containers"]
    assert {one["name"] for one in containers} == {"built-in", "sidecar"}, "lists are merged by name"
    own("patch", "service", "web", "--type=merge", "-p", '{"metadata":{"labels":{"app":null,"tier":"front"}}}')
    assert own.object("service", "web")["metadata"]["labels"] == {"tier": "front"}
    path = "/spec/ports/0/port"
    change = f'[{{"op":"test","path":"{path}","value":80}},{{"op":"replace","path":"{path}","value":81}}]'
    own("patch", "service", "web", "--type=json", "-p", change)
    assert own.object("service", "web")["spec"]["ports"][0]["port"] == 81
    assert own.refused("patch", "service", "web", "--type=json", "-p", change), "the test fails now"
    assert own("annotate", "service", "web", "note=hello") == "service/web annotated\n"
    assert own("label", "service", "web", "tier-") in ("service/web labeled\n", "service/web unlabeled\n")
    metadata = own.object("service", "web")["metadata"]
    assert "labels" not in metadata
    assert metadata["annotations"]["note"] == "hello"
    told = own.refused("annotate", "service", "web", "note=other")
    assert "already has a value (hello)" in told, told
    assert own("set", "image", "deployment/web", "sidecar=other") == "deployment.apps/web image updated\n"


def test_an_object_that_was_changed_meanwhile_is_not_replaced(own: Kubectl) -> None:
    own("apply", "-f", "-", given=MAP)
    read = own("get", "configmap", "settings", "-o", "json")
    assert own("replace", "-f", "-", given=read.replace('"red"', '"green"')) == "configmap/settings replaced\n"
    assert own.object("configmap", "settings")["data"] == {"colour": "green"}
    assert own.refused("replace", "-f", "-", given=read.replace('"red"', '"blue"')) == (
        'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on configmaps '
        '"settings": the object has been modified; please apply your changes to the latest version and try again\n'
    )


def test_what_is_tried_changes_nothing(own: Kubectl) -> None:
    own("apply", "-f", "-", given=MAP)
    other = MAP.replace("red", "green")
    if own.is_current:
        tried = own("apply", "--dry-run=server", "-f", "-", given=other)
        assert tried == "configmap/settings configured (server dry run)\n"
        done = own.done("diff", "-f", "-", given=other)
        assert done.status == DIFFERENT, str(done)
        assert "-  colour: red" in done.out
        assert "+  colour: green" in done.out
        assert own("diff", "-f", "-", given=MAP) == ""
        own("delete", "configmap", "settings", "--dry-run=server")
        assert "created (server dry run)" in own("create", "--dry-run=server", "deployment", "web", "--image=built-in")
    assert "configured (dry run)" in own("apply", "--dry-run=client", "-f", "-", given=other)
    assert own.object("configmap", "settings")["data"] == {"colour": "red"}
    assert own.names("deployments") == set()
