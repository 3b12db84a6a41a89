"""Who asks. Names and groups as kube-apiserver's authenticators give them."""

from __future__ import annotations

from dataclasses import dataclass

MASTERS = "system:masters"
AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
NODES = "system:nodes"
SERVICE_ACCOUNTS = "system:serviceaccounts"

_ACCOUNT, _NODE = "system:serviceaccount:", "system:node:"


@dataclass(frozen=True, slots=True)
class User:
    """Its name, the groups it is in, and what is told of it besides."""

    name: str
    groups: tuple[str, ...]
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def node(self) -> str:
        """The name of the node that it is, "" for anybody else."""
        return self.name.removeprefix(_NODE) if NODES in self.groups and self.name.startswith(_NODE) else ""


OWNER = User("hoplab", (MASTERS, AUTHENTICATED))
"""Who has the lab's kubeconfig."""

ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))


def service_account(namespace: str, name: str, pod: str = "", pod_uid: str = "") -> User:
    """A ServiceAccount; with the pod that its token is bound to."""
    extra = (
        ("authentication.kubernetes.io/pod-name", (pod,)),
        ("authentication.kubernetes.io/pod-uid", (pod_uid,)),
    )
    groups = (SERVICE_ACCOUNTS, f"{SERVICE_ACCOUNTS}:{namespace}", AUTHENTICATED)
    return User(f"{_ACCOUNT}{namespace}:{name}", groups, extra=extra if pod else ())


def node(name: str) -> User:
    """What kubelet and kube-proxy of a node ask as."""
    return User(f"{_NODE}{name}", (NODES, AUTHENTICATED))


def named(name: str, groups: tuple[str, ...] = ()) -> User:
    """A user that another one asks as: the groups of a ServiceAccount follow from its name."""
    if name == ANONYMOUS.name:
        return ANONYMOUS
    namespace, _, account = name.removeprefix(_ACCOUNT).partition(":")
    if name.startswith(_ACCOUNT) and account and not groups:
        return service_account(namespace, account)
    return User(name, (*groups, *(() if AUTHENTICATED in groups else (AUTHENTICATED,))))
