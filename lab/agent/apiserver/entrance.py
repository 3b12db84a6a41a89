"""How the API server is reached: inside the lab on the first node, outside on the host's loopback, both over TLS.

Who asks is told by a token: the owner's stands in the kubeconfig that nobody else can read; pods and nodes have
theirs in files of their own, which are made here.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import spans
from lab.agent.apiserver import kubeconfig
from lab.agent.apiserver.https import Serving, listening, write_pki
from lab.agent.apiserver.outside import Outside
from lab.agent.apiserver.pki import Authority
from lab.agent.presence import folder
from lab.api.authorization.tokens import KUBELET_CONFIG
from lab.cluster.file.system import API_PORT
from lab.kernel.host.coredns import find
from lab.network.dns.coredns import NOTHING, Given
from lab.network.ipam import node_addresses
from lab.network.ipv4 import Prefix

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from lab.agent.design.blueprint import ReadFile
    from lab.api.authorization.tokens import Tokens
    from lab.api.store import Json
    from lab.kernel.holdings import Holdings
    from lab.topology import Topology

COREDNS = ("kube-system", "coredns")  # the ServiceAccount that kubeadm gives it
LOOPBACK = "127.0.0.1"
TOKEN_BYTES = 32
TRACK = "API server"


@dataclass(frozen=True, slots=True)
class _Inside:
    """Where it listens in the lab: the node, the number of its network namespace, its address."""

    node: str
    namespace: int
    serving: Serving


class Entrance:
    """`app(token)` gives what is served, where this one is the owner's; `tokens` are those of all others."""

    def __init__(self, lab: str, outside: Outside, tokens: Tokens, app: Callable[[str], ASGIApp]) -> None:
        self._tokens = tokens
        self._lab = lab
        self._outside = outside
        self._make_app = app
        self._loop = asyncio.get_running_loop()
        self._names: tuple[str, ...] = ()
        self._token = secrets.token_urlsafe(TOKEN_BYTES)
        self._authority: Authority | None = None
        self._prepared = asyncio.Event()
        self._app: ASGIApp | None = None
        self._making = threading.Lock()
        self._node = self._address = ""
        self._inside: _Inside | None = None
        self._serving_outside: Serving | None = None

    @property
    def kubeconfig(self) -> str:
        """The path of the kubeconfig on the host."""
        return str(self._outside.home.folder / folder.KUBECONFIG)

    @property
    def is_prepared(self) -> bool:
        """Whether there is an authority, and so whom tokens may be shown to."""
        return self._authority is not None

    async def prepare(self, read: ReadFile) -> None:
        """Have a certificate for the lab's names and addresses, and serve outside."""
        names, addresses = _names(read.topology)
        self._address = next(iter(node_addresses(read.topology).values()))
        self._node = read.topology.spec.nodes[0].name
        if self._names != (*names, *addresses):
            await asyncio.to_thread(self._begin, names, addresses)
            self._names = (*names, *addresses)
            self._prepared.set()
            await self._serve_anew()

    def _begin(self, names: list[str], addresses: list[str]) -> None:
        """In a thread of its own: it waits for the notary, or imports what makes keys."""
        with spans.span("keys and certificates", TRACK):
            notary = self._outside.notary
            if self._authority is None and notary is not None:
                authority, server = notary.certify(names, addresses)
            else:
                authority = self._authority or Authority.new()
                server = authority.certify(names, addresses)
            self._authority = authority
            write_pki(authority.ca, server)
        self._outside.home.keep(
            folder.KUBECONFIG,
            kubeconfig.text(self._lab, f"https://{LOOPBACK}:{self._outside.port}", authority.ca, self._token),
        )

    def _served(self) -> ASGIApp:
        """What is served, made when the first client asks, in whatever thread that is."""
        with self._making:
            if self._app is None:
                self._app = self._make_app(self._token)
            return self._app

    async def _serve_anew(self) -> None:
        if self._serving_outside is not None:
            await self._serving_outside.stop()
        self._serving_outside = Serving(self._served, self._outside.socket.dup())

    def given(self, corefile: str) -> Given:
        """What CoreDNS is given, with this text as its Corefile. `prepare` has been called before."""
        assert self._authority is not None
        return Given(find() or NOTHING.program, corefile, self._authority.ca, self._tokens.of_account(*COREDNS))

    def mounted(self, pod: Json) -> Mapping[str, str]:
        """The files that its kubelet mounts into the pod, by their paths: what its programs speak to the API with.
        `prepare` has been called before.
        """
        assert self._authority is not None
        return self._tokens.mounted(pod, self._authority.ca)

    def node_files(self, node: str) -> Mapping[str, str]:
        """The files by which a node's programs speak to the API, as `system:node:NAME`. `prepare` has been called."""
        assert self._authority is not None
        server = f"https://{self._address}:{API_PORT}"
        token = self._tokens.of_node(node)
        return {KUBELET_CONFIG: kubeconfig.text(self._lab, server, self._authority.ca, token, f"system:node:{node}")}

    def built(self, holdings: Holdings) -> None:
        """Listen on the first node, unless that is done already. Called by the writer once the node is there."""
        namespace = os.fstat(holdings.namespaces.fd(self._node)).st_ino
        if self._inside is not None and (self._inside.node, self._inside.namespace) == (self._node, namespace):
            return
        with holdings.namespaces.entered(self._node):
            sock = listening("0.0.0.0", API_PORT)  # noqa: S104  as kube-apiserver does
        asyncio.run_coroutine_threadsafe(self._serve_inside(sock, namespace), self._loop)

    async def _serve_inside(self, sock: socket.socket, namespace: int) -> None:
        await self._prepared.wait()
        before = self._inside
        self._inside = _Inside(self._node, namespace, Serving(self._served, sock))
        if before is not None:
            await before.serving.stop()


def _names(topology: Topology) -> tuple[list[str], list[str]]:
    """What the certificate holds for: the names that a cluster's certificate has, and the addresses."""
    domain = topology.spec.dns.domain
    service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{domain}"]
    node, address = next(iter(node_addresses(topology).items()))
    cluster_ip = Prefix.of(topology.spec.services.cidr).address(1)
    return [*service, "localhost", node], [cluster_ip, address, LOOPBACK]
