"""Bodies that `kubectl create` really sent (1.32), and what they say."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.api.errors import ApiError
from lab.api.http.protobuf import MAGIC, decode

NAMESPACE = "azhzAAoPCgJ2MRIJTmFtZXNwYWNlEhwKFAoEc2hvcBIAGgAiACoAMgA4AEIAEgAaAgoAGgAiAA=="
DEPLOYMENT = (
    "azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50EsgBCh8KA3dlYhIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViEpYBCAMSDAoKCgNhcHASA3dl"
    "Yhp8ChwKABIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViElwSPgoFbmdpbngSCm5naW54OjEuMjcaBXNsZWVwGgIxMCoAMgoKABAAGFAiACoA"
    "QgBqAHIAgAEAiAEAkAEAogEAGgAyAEIASgBSAFgAYABoAIIBAIoBAJoBAMIBACICCgAoADgAGgwIABAAGAAgACgAOAAaACIA"
)
CONFIGMAP = "azhzAAoPCgJ2MRIJQ29uZmlnTWFwEikKFgoGYmluYXJ5EgAaACIAKgAyADgAQgAaDwoIYmxvYi5iaW4SA//+ABoAIgA="
SERVICE = (
    "azhzAAoNCgJ2MRIHU2VydmljZRKNAQofCgN3ZWISABoAIgAqADIAOABCAFoKCgNhcHASA3dlYhJmChsKBzgwLTgwODASA1RDUBhQIgcIABCQ"
    "PxoAKAAKIgoJNDQzLWh0dHBzEgNUQ1AYuwMiCwgBEAAaBWh0dHBzKAASCgoDYXBwEgN3ZWIaACIJQ2x1c3RlcklQOgBCAFIAWgBgAGgAGgIK"
    "ABoAIgA="
)
SENT = {
    NAMESPACE: {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
    DEPLOYMENT: {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [
                        {
                            "name": "nginx",
                            "image": "nginx:1.27",
                            "command": ["sleep", "10"],
                            "ports": [{"containerPort": 80}],
                        }
                    ]
                },
            },
        },
    },
    CONFIGMAP: {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "binary"},
        "binaryData": {"blob.bin": "//4A"},
    },
    SERVICE: {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {
            "type": "ClusterIP",
            "selector": {"app": "web"},
            "ports": [
                {"name": "80-8080", "protocol": "TCP", "port": 80, "targetPort": 8080},
                {"name": "443-https", "protocol": "TCP", "port": 443, "targetPort": "https"},
            ],
        },
    },
}


@pytest.mark.parametrize(("body", "said"), SENT.items(), ids=[str(said["kind"]) for said in SENT.values()])
def test_what_kubectl_create_sends_reads_as_the_manifest_it_stands_for(body: str, said: dict[str, Any]) -> None:
    assert decode(b64decode(body)) == said


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    made = b""
    while value > 0x7F:
        made += bytes([value & 0x7F | 0x80])
        value >>= 7
    return made + bytes([value])


def part(number: int, value: int | bytes | str) -> bytes:
    """One field on the wire."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def envelope(version: str, kind: str, raw: bytes) -> bytes:
    return MAGIC + part(1, part(1, version) + part(2, kind)) + part(2, raw)


def test_a_zero_that_somebody_wrote_is_not_one_that_nobody_wrote() -> None:
    """replicas and port may be absent, minReadySeconds may not: only of the former is 0 something said."""
    raw = part(2, part(1, 0) + part(5, 0))
    assert decode(envelope("apps/v1", "Deployment", raw))["spec"] == {"replicas": 0}


def test_times_amounts_negative_numbers_and_further_fields() -> None:
    metadata = part(8, part(1, 1_700_000_000)) + part(10, -3) + part(999, "from a later Kubernetes")
    amounts = part(8, part(1, part(1, "cpu") + part(2, part(1, "250m"))))
    pod = decode(envelope("v1", "Pod", part(1, metadata) + part(2, part(2, part(1, "c") + amounts))))
    assert pod["metadata"] == {"creationTimestamp": "2023-11-14T22:13:20Z", "deletionGracePeriodSeconds": -3}
    assert pod["spec"]["containers"] == [{"name": "c", "resources": {"limits": {"cpu": "250m"}}}]


def test_a_probes_handler_stands_in_it_as_its_own_field() -> None:
    probe = part(1, part(2, part(2, part(2, 8080)))) + part(4, 5)
    pod = decode(envelope("v1", "Pod", part(2, part(2, part(11, probe)))))
    assert pod["spec"]["containers"][0]["readinessProbe"] == {"httpGet": {"port": 8080}, "periodSeconds": 5}


def test_a_kind_that_nobody_serves_is_named() -> None:
    with pytest.raises(
        ApiError, match=r'no kind "Lease" is registered for version "coordination\.k8s\.io/v1"'
    ) as refused:
        decode(envelope("coordination.k8s.io/v1", "Lease", b""))
    assert refused.value.code == 400


@given(st.binary(max_size=200), st.sampled_from(["Pod", "Service", "Deployment"]))
def test_any_bytes_are_read_or_refused(raw: bytes, kind: str) -> None:
    for body in (raw, envelope("v1", kind, raw)):
        try:
            decode(body)
        except ApiError as refused:
            assert refused.code == 400
