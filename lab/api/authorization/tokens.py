"""Tokens of those who ask from inside the lab: as kube-apiserver's bound tokens (JWTs), which people can read.

Signed with a key that only the agent has (HS256: who checks them is who made them). A pod's holds as long as the pod.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from lab.api.http import users
from lab.api.http.users import User
from lab.api.resources import PODS, SERVICEACCOUNTS
from lab.api.store import Store

Json = dict[str, Any]

ISSUER = "https://kubernetes.default.svc.cluster.local"
MOUNTED = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where kubelet mounts them in a pod."""

KUBELET_CONFIG = "/etc/kubernetes/kubelet.conf"
"""Where kubeadm puts a node's own kubeconfig."""

_LONGEST = 4096
_KUBERNETES = "kubernetes.io"


class Tokens:
    """Of one lab; `key` are random bytes."""

    def __init__(self, store: Store, key: bytes) -> None:
        self._store = store
        self._key = key

    def of_pod(self, pod: Json) -> str:
        """That of its ServiceAccount, bound to the pod."""
        metadata = pod["metadata"]
        namespace = metadata["namespace"]
        account = str(pod["spec"].get("serviceAccountName") or "default")
        bound = {"pod": {"name": metadata["name"], "uid": metadata["uid"]}}
        return self._signed(_account_claims(namespace, account, bound))

    def of_account(self, namespace: str, name: str) -> str:
        """That of a ServiceAccount, bound to no pod."""
        return self._signed(_account_claims(namespace, name, {}))

    def of_node(self, name: str) -> str:
        return self._signed({"iss": ISSUER, "aud": [ISSUER], "sub": users.node(name).name})

    def mounted(self, pod: Json, authority: str) -> Mapping[str, str]:
        """The files that kubelet mounts into the pod for its ServiceAccount: paths and contents, none where the pod or
        its account wants none. `authority` is the API server's, as PEM.
        """
        namespace = pod["metadata"]["namespace"]
        name = str(pod["spec"].get("serviceAccountName") or "default")
        account = self._store.find(SERVICEACCOUNTS, namespace, name) or {}
        wanted = pod["spec"].get("automountServiceAccountToken")
        if not (account.get("automountServiceAccountToken", True) if wanted is None else wanted):
            return {}
        files = {"ca.crt": authority, "namespace": namespace, "token": self.of_pod(pod)}
        return {f"{MOUNTED}/{name}": content for name, content in files.items()}

    def user_of(self, token: str) -> User | None:
        """Whose it is; None where it is nobody's, or no longer anybody's."""
        claims = self._claims(token)
        subject = str(claims.get("sub", "")) if claims else ""
        if not claims or not subject:
            return None
        about = claims.get(_KUBERNETES)
        if not isinstance(about, dict):
            return users.node(subject.rpartition(":")[2])
        namespace, account = about["namespace"], about["serviceaccount"]["name"]
        bound = about.get("pod")
        if bound is None:
            return users.service_account(namespace, account)
        pod = self._store.find(PODS, namespace, bound["name"])
        if pod is None or pod["metadata"]["uid"] != bound["uid"]:
            return None
        return users.service_account(namespace, account, bound["name"], bound["uid"])

    def _signed(self, claims: Json) -> str:
        head = {"alg": "HS256", "typ": "JWT"}
        said = ".".join(_packed(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
        return f"{said}.{self._signature(said)}"

    def _claims(self, token: str) -> Json | None:
        """Of a token that was signed here."""
        said, _, signature = token.rpartition(".")
        if len(token) > _LONGEST or not hmac.compare_digest(signature.encode(), self._signature(said).encode()):
            return None
        claims: Json = json.loads(urlsafe_b64decode(said.partition(".")[2] + "=="))
        return claims

    def _signature(self, said: str) -> str:
        return _packed(hmac.digest(self._key, said.encode(), "sha256"))


def _account_claims(namespace: str, name: str, bound: Json) -> Json:
    about = {"namespace": namespace, **bound, "serviceaccount": {"name": name}}
    subject = users.service_account(namespace, name).name
    return {"iss": ISSUER, "aud": [ISSUER], "sub": subject, _KUBERNETES: about}


def _packed(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
