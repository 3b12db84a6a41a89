"""How the API server is reached: inside the lab on the first node, outside on the host's loopback, both over TLS.

Inside, whoever is in the lab may do everything, as in a cluster without authorization; outside only who has the token,
which stands in the kubeconfig that nobody but the lab's owner can read.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.agent.apiserver import kubeconfig
from lab.agent.apiserver.outside import Outside
from lab.agent.apiserver.serving import Serving, listening, write_pki
from lab.cluster.system import API_PORT
from lab.kernel.coredns import find
from lab.kernel.pki import Pki, make
from lab.network.addressing import node_addresses
from lab.network.coredns import NOTHING, Given
from lab.network.ipv4 import Prefix

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from lab.agent.reading import ReadFile
    from lab.kernel.holdings import Holdings
    from lab.topology import Topology

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class _Inside:
    """Where it listens in the lab: the node, the number of its network namespace, its address."""

    node: str
    namespace: int
    serving: Serving


class Entrance:
    """`app(token)` gives what is served: it asks for the token where the request came from outside."""

    def __init__(self, lab: str, outside: Outside, app: Callable[[str], ASGIApp]) -> None:
        self._lab = lab
        self._outside = outside
        self._make_app = app
        self._loop = asyncio.get_running_loop()
        self._names: tuple[str, ...] = ()
        self._pki: Pki | None = None
        self._app: ASGIApp | None = None
        self._node = ""
        self._inside: _Inside | None = None
        self._serving_outside: Serving | None = None

    @property
    def kubeconfig(self) -> str:
        """The path of the kubeconfig on the host."""
        return str(self._outside.home.folder / kubeconfig.NAME)

    async def prepare(self, read: ReadFile) -> None:
        """Have a certificate for the lab's names and addresses, and serve outside."""
        names, addresses = _names(read.topology)
        self._node = read.topology.spec.nodes[0].name
        if self._app is None or self._names != (*names, *addresses):
            app = await asyncio.to_thread(self._begin, names, addresses)
            self._names = (*names, *addresses)
            await self._serve_anew(app)

    def _begin(self, names: list[str], addresses: list[str]) -> ASGIApp:
        """In a thread of its own: imports and keys cost 150 ms, while the kernel is at work."""
        self._pki = make(names, addresses)
        write_pki(self._pki)
        app = self._make_app(self._pki.token)
        self._outside.home.keep(
            kubeconfig.NAME, kubeconfig.text(self._lab, self._outside.port, self._pki.ca, self._pki.token)
        )
        return app

    async def _serve_anew(self, app: ASGIApp) -> None:
        self._app = app
        if self._serving_outside is not None:
            await self._serving_outside.stop()
        self._serving_outside = Serving(app, self._outside.socket.dup())

    def given(self, corefile: str) -> Given:
        """What CoreDNS is given, with this text as its Corefile. `prepare` has been called before."""
        assert self._pki is not None
        return Given(find() or NOTHING.program, corefile, self._pki.ca, self._pki.token)

    def built(self, holdings: Holdings) -> None:
        """Listen on the first node, unless that is done already. Called by the writer once the node is there."""
        namespace = os.fstat(holdings.namespaces.fd(self._node)).st_ino
        if self._inside is not None and (self._inside.node, self._inside.namespace) == (self._node, namespace):
            return
        with holdings.namespaces.entered(self._node):
            sock = listening("0.0.0.0", API_PORT)  # noqa: S104  as kube-apiserver does
        asyncio.run_coroutine_threadsafe(self._serve_inside(sock, namespace), self._loop)

    async def _serve_inside(self, sock: socket.socket, namespace: int) -> None:
        while self._app is None:
            await asyncio.sleep(0.005)  # still being prepared
        before = self._inside
        self._inside = _Inside(self._node, namespace, Serving(self._app, sock))
        if before is not None:
            await before.serving.stop()


def _names(topology: Topology) -> tuple[list[str], list[str]]:
    """What the certificate holds for: the names that a cluster's certificate has, and the addresses."""
    domain = topology.spec.dns.domain
    service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{domain}"]
    node, address = next(iter(node_addresses(topology).items()))
    cluster_ip = Prefix.of(topology.spec.services.cidr).address(1)
    return [*service, "localhost", node], [cluster_ip, address, LOOPBACK]
