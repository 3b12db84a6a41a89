"""The control plane: the API's objects, the controllers that work on them, and the cluster that follows. Pure.

Whatever wants something of the cluster changes an object here; `settle` lets the controllers do the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from lab.api.deletion import Deletion
from lab.api.errors import ApiError
from lab.api.kinds import complete
from lab.api.patches.apply import last_applied, remembering, three_way
from lab.api.registry import STRICT, Registry, judged
from lab.api.resources import CONFIGMAPS, EVENTS, NAMESPACES, PODS, RESOURCES, SERVICES, Resource
from lab.api.store import Json, Key, Store
from lab.api.versions import outward
from lab.cluster.objects import Cluster
from lab.control.allocation import Allocation
from lab.control.cluster import Derivation
from lab.control.controllers.roster import controllers
from lab.control.controllers.system import System
from lab.control.events import Recorder
from lab.control.manifests import Wanted, wanted
from lab.control.mistakes import mistakes_of
from lab.control.own_objects import Machine
from lab.control.pieces import Pieces, at_once
from lab.control.pods.podstatus import is_evicted
from lab.control.pods.running import Names, start_all
from lab.control.queue import Runner
from lab.errors import FileError, Mistake
from lab.network.dns.coredns import corefile
from lab.network.ipam import Addresses, assign, kept_addresses, node_addresses
from lab.network.pods import cluster_dns
from lab.network.underlay.machine_names import machine_resolver
from lab.topology.schema import Topology
from lab.topology.yaml.document import Document

COREFILE = ("kube-system", "coredns")

NOW = Deletion(propagation="Background", grace=0)

# What a pod is born with: one that is to have another of these has to be made anew.
_BORN_WITH = (
    *("nodeName", "nodeSelector", "hostname", "subdomain", "setHostnameAsFQDN", "hostNetwork"),
    *("dnsPolicy", "dnsConfig", "hostAliases"),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """The cluster at one moment, and who has which address in it. `pods` are the objects that it follows from; two
    pictures are equal when the network is.
    """

    cluster: Cluster
    addresses: Addresses
    pods: tuple[Json, ...] = field(default=(), compare=False)


class _Settled:
    """A file's object and those parts of the live one that it has a say in. Equal when they are the very same: then
    there is nothing to compare.
    """

    __slots__ = ("_item", "_parts", "_version")

    def __init__(self, item: Json, version: str, parts: tuple[object, ...]) -> None:
        self._item, self._version, self._parts = item, version, parts

    def is_of(self, one: Wanted, live: Json) -> bool:
        """Whether it was made of the very same, and nothing in the live one has changed since."""
        return self._item is one.item and self._version == live["metadata"]["resourceVersion"]

    @classmethod
    def of(cls, one: Wanted, live: Json) -> _Settled:
        """What is only its controller's or the kubelet's to say does not count."""
        metadata = live["metadata"]
        own = [live.get(name) for name in one.item if name not in ("apiVersion", "kind", "metadata")]
        marks = metadata["uid"], metadata.get("labels"), metadata.get("annotations")
        return cls(one.item, metadata["resourceVersion"], (one.item, *marks, *own))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Settled) or len(self._parts) != len(other._parts):
            return False
        return all(mine is its for mine, its in zip(self._parts, other._parts, strict=True))

    __hash__ = None  # type: ignore[assignment]  # it is compared, and never looked up


class ControlPlane:
    """One lab's. `now` gives RFC 3339 times, `new_uid` UUIDs, `clock` steady seconds; `machine` is what its nodes say
    that they run on. Whoever asks for no `events` has none. One thread uses it.
    """

    def __init__(
        self,
        now: Callable[[], str],
        new_uid: Callable[[], str],
        clock: Callable[[], float],
        machine: Machine,
        *,
        events: bool = True,
    ) -> None:
        self._now, self._new_uid, self._clock = now, new_uid, clock
        self.store = Store(now, new_uid, clock=clock)
        self.recorder = Recorder(self.store, writes=events)
        self._allocation = Allocation(self.store)
        self.registry = Registry(self.store, self._allocation)
        self._system = System(self.store)
        self._derivation = Derivation(self.store)
        self._kept_nodes: dict[Key, str] = {}
        found = controllers(self.store, self.recorder, self._system, self._kept_nodes)
        self.runner = Runner(self.store, found, self.recorder)
        self._machine = machine
        self._topology: Topology | None = None
        self._addresses: Addresses | None = None
        self._from_file: set[tuple[Resource, Key]] = set()
        self._settled: dict[tuple[Resource, Key], _Settled] = {}
        self._last: Picture | None = None

    @property
    def corefile(self) -> str:
        """The text of CoreDNS's configuration, as the ConfigMap has it; "" where there is none."""
        found = self.store.find(CONFIGMAPS, *COREFILE) or {}
        return str(found.get("data", {}).get("Corefile", ""))

    @property
    def names(self) -> Names:
        """What the nodes' kubelets know of names, in the last picture."""
        assert self._topology is not None, "nothing was loaded"
        assert self._last is not None, "there is no picture yet"
        of_node = machine_resolver(self._last.addresses)
        return Names(self._topology.spec.dns.domain, cluster_dns(self._last.cluster), of_node)

    def load(self, topology: Topology, documents: Sequence[Document]) -> None:
        """Make the API's objects those of the file: what is new is made, what differs changed, what a former file had
        and this one has not is removed. What came in by other ways stays. FileError for what the API refuses.
        """
        at_once(self.loading(topology, documents))

    def loading(self, topology: Topology, documents: Sequence[Document]) -> Pieces[None]:
        """`load` in pieces."""
        if self._topology is None:
            self._keep(topology)
        self._topology = topology
        self._allocation.use(topology.spec.services.cidr)
        self._ensure_own(topology)
        yield from self.runner.settling(self._clock())
        asked = wanted(topology, documents)
        keys = {(one.resource, one.key) for one in asked}
        for resource, key in sorted(self._from_file - keys, key=lambda one: one[0] is NAMESPACES):
            self._settled.pop((resource, key), None)
            if self.store.find(resource, *key) is not None:
                self.registry.delete(resource, *key, NOW)
        self._from_file = keys
        mistakes: list[Mistake] = []
        for one in asked:
            mistakes += self._put_from_file(one)
            yield
        if mistakes:
            raise FileError(tuple(mistakes))
        yield from self.runner.settling(self._clock())

    def _keep(self, topology: Topology) -> None:
        """What a lab had given out of which the file was written: it counts once, where nothing is given out yet."""
        kept = topology.spec.kept
        if self._addresses is None:
            self._addresses = kept_addresses(kept)
        for place, pod in kept.pods.items():
            namespace, _, name = place.partition("/")
            self._kept_nodes[namespace, name] = pod.node

    def _ensure_own(self, topology: Topology) -> None:
        """Nodes, namespaces, DNS and the API's own Service, as this topology and the blocks of addresses have them."""
        blocks = self._addresses.blocks if self._addresses else {}
        nodes = node_addresses(topology, self._addresses)
        self._system.use(topology, nodes, corefile(topology), self._machine, blocks)

    def put(self, one: Wanted) -> str:
        """Make one object what a file says of it: `created`, `configured` or `unchanged`. ApiError."""
        key = one.key
        live, settled = self.store.find(one.resource, *key), self._settled.get((one.resource, key))
        if live is not None and settled is not None and settled.is_of(one, live):
            return "unchanged"
        if live is not None and is_evicted(live):
            self.registry.delete(one.resource, *key, NOW)  # a file's pod is one that runs
            live = None
        done = "unchanged"
        if live is None or settled != _Settled.of(one, live):
            done = self._applied(one, live)
            live = self.store.find(one.resource, *key)
        if live is not None:
            self._settled[one.resource, key] = _Settled.of(one, live)
        return done

    def apply(self, one: Wanted) -> str:
        """Make one object what is asked of it as `kubectl apply` does, and no more than kubectl may: `created`,
        `configured` or `unchanged`. ApiError, also for fields that the kind does not have.
        """
        judged(one.resource, one.item, STRICT)
        live = self.store.find(one.resource.stored, *one.key)
        if live is None:
            return self._created(one)
        told = outward(one.resource, live)
        new = three_way(one.resource, last_applied(live), remembering(one.item), told)
        if new == told:
            return "unchanged"
        self.registry.update(one.resource, new, options=STRICT)
        return "configured"

    def _created(self, one: Wanted) -> str:
        made = self.registry.create(one.resource, remembering(one.item))
        if one.item.get("status") and one.resource is SERVICES:
            self.store.update(SERVICES, {**made, "status": {**made.get("status", {}), **one.item["status"]}})
        return "created"

    def _applied(self, one: Wanted, live: Json | None) -> str:
        if live is None:
            return self._created(one)
        new = three_way(one.resource, last_applied(live), remembering(one.item), live)
        if new == live:
            return "unchanged"
        if one.resource is PODS and _is_another(new, live):
            self.registry.delete(one.resource, *one.key, NOW)
            self.registry.create(one.resource, remembering(one.item))
        elif one.resource is PODS:
            # A file may say what kubectl may not: other ports, another command. Then its containers begin anew.
            again: Json = {"status": {}} if new["spec"] != live["spec"] else {}
            self.store.update(PODS, complete(PODS, {**new, **again}))
        else:
            self.registry.update(one.resource, new)
        return "configured"

    def _put_from_file(self, one: Wanted) -> list[Mistake]:
        try:
            self.put(one)
        except ApiError as error:
            if one.source is None:
                raise
            return mistakes_of(one, error)
        return []

    def picture(self) -> Picture:
        """The cluster as it follows from the objects, when the controllers have done what there is to do."""
        return at_once(self.picturing())

    def picturing(self) -> Pieces[Picture]:
        """`picture` in pieces."""
        assert self._topology is not None, "nothing was loaded"
        self.runner.retry(self._clock())
        yield from self.runner.settling(self._clock())
        nodes = tuple(node.name for node in self._topology.spec.nodes)
        yield from self._derivation.following(nodes)
        cluster = self._derivation.cluster(nodes)
        if self._last is None or self._last.cluster != cluster:
            self._addresses = assign(self._topology, cluster, self._addresses)
            self._system.tell_blocks(self._addresses.blocks)
            self._last = Picture(cluster, self._addresses)
        return replace(self._last, pods=tuple(self.store.each(PODS)))

    def expected(self) -> Picture:
        """The cluster as it will be when all its pods have been started that are not held back by a probe: what an
        `up` builds at one go.
        """
        return at_once(self.expecting())

    def expecting(self) -> Pieces[Picture]:
        """`expected` in pieces."""
        while True:
            picture = yield from self.picturing()
            started = yield from start_all(self.store, self.recorder, picture.addresses, self.names)
            if not started:
                return picture

    def twin(self) -> ControlPlane:
        """Another with the same objects, to see what would come of something; nothing here changes."""
        other = ControlPlane(self._now, self._new_uid, self._clock, self._machine, events=False)
        for resource in RESOURCES:
            if resource is not EVENTS:
                for item in tuple(self.store.each(resource)):
                    other.store.adopt(resource, item)
        other._addresses, other._from_file = self._addresses, set(self._from_file)
        return other


def _is_another(new: Json, live: Json) -> bool:
    """Whether a pod would have to be another one to be so."""
    return any(new["spec"].get(field) != live["spec"].get(field) for field in _BORN_WITH)
