"""From a file's text to the network that it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.cluster.file.judgement import judge
from lab.cluster.file.kinds import STORED_ONLY
from lab.cluster.file.sources import Source, each_source
from lab.cluster.nodes import crowded
from lab.cluster.objects import Cluster
from lab.network.components import Stale
from lab.network.design import design
from lab.network.dns import servers
from lab.network.dns.coredns import NOTHING, Given
from lab.network.ipam import Addresses, node_addresses
from lab.network.objects import Namespace, Network
from lab.network.pools import unknown_pools
from lab.network.underlay.netem import NONE, Impairments
from lab.network.underlay.saved_machine import misfits
from lab.network.underlay.subnets import namespaces
from lab.topology import Document, Topology, load_topology
from lab.topology.field_errors import file_error
from lab.topology.yaml.text import read_documents

if TYPE_CHECKING:
    from lab.control.plane import ControlPlane
    from lab.faults.fault import Placed
    from lab.faults.ground import Ground
    from lab.topology.handed.drifted import Drifted

MOST_COUNTED = 10_000  # a file may ask for more than it will get
_REPLICATED = ("Deployment", "ReplicaSet")


@dataclass(frozen=True)
class ReadFile:
    """A file that can be right: its topology and manifests, and what is to be said of them."""

    file: str
    topology: Topology
    documents: tuple[Document, ...]
    warnings: tuple[str, ...]
    written: Mapping[str, Any] = field(default_factory=dict)
    """the topology's own document, with the settings made"""
    beside: Mapping[str, str] = field(default_factory=dict)
    """the texts of the files that it names"""

    @property
    def places(self) -> int:
        """How many network namespaces its lab will have, as far as it is known before the controllers have worked: the
        cluster's own pods are not counted.
        """
        sources = each_source(self.documents, [])
        return len(infrastructure(self.topology)) + min(MOST_COUNTED, sum(map(_pods, sources)))


@dataclass(frozen=True)
class Design:
    """A cluster at one moment and the network that it needs; `given` is what CoreDNS needs besides, `stale` what
    stopped kube-proxies know, `impairments` what was set on links live, `faults` what is broken on purpose.
    """

    read: ReadFile
    cluster: Cluster
    addresses: Addresses
    given: Given = NOTHING
    stale: Stale = field(default_factory=dict)
    impairments: Impairments = NONE
    faults: tuple[Placed, ...] = ()

    @cached_property
    def network(self) -> Network:
        """All of it as it should be, designed when somebody asks: most changes need only a part."""
        return design(self.read.topology, self.cluster, self.addresses, self.given, self.stale, self.impairments)

    @cached_property
    def held(self) -> Network:
        """What the kernel is to hold: all that, with the faults in it, and what the file says was changed by hand."""
        network = self.with_faults(self.faults)
        if not self.drift:
            return network
        from lab.drift.made import with_drift  # noqa: PLC0415  few files have some

        return with_drift(network, self.drift)

    @property
    def is_whole(self) -> bool:
        """Whether the kernel is to hold all that was designed, and nothing else."""
        return not self.faults and not self.drift

    @property
    def drift(self) -> tuple[Drifted, ...]:
        """What the file says was changed by hand."""
        return self.topology.spec.drift

    @property
    def undrifted(self) -> Design:
        """The same of a file that says of no drift."""
        spec = self.topology.spec.model_copy(update={"drift": ()})
        return replace(self, read=replace(self.read, topology=self.topology.model_copy(update={"spec": spec})))

    def with_faults(self, faults: tuple[Placed, ...]) -> Network:
        """The network with these."""
        network = self.network
        for one in faults:
            network = one.made_in(network, self.ground)
        return network

    @cached_property
    def ground(self) -> Ground:
        """What a fault is put on."""
        from lab.faults.ground import Ground  # noqa: PLC0415  few labs have one

        return Ground(self.read.topology, self.cluster, self.addresses, self.network)

    @property
    def places(self) -> tuple[str, ...]:
        """All network namespaces but the underlay."""
        return (*infrastructure(self.read.topology), *(pod.place for pod in self.cluster.pods))

    @property
    def file(self) -> str:
        return self.read.file

    @property
    def topology(self) -> Topology:
        return self.read.topology

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be said of the file, and of the cluster that came of it."""
        told = servers.unanswered(self.topology, self.cluster) + unknown_pools(self.topology.spec.cni, self.cluster)
        if self.drift:
            from lab.drift.made import nowhere  # noqa: PLC0415  few files have some

            told += tuple(nowhere(self.places, self.drift))
        return self.read.warnings + crowded(self.cluster) + told


def _pods(source: Source) -> int:
    """How many it asks for."""
    _, kind = source.kind
    if kind not in _REPLICATED:
        return int(kind == "Pod")
    replicas = (source.value.get("spec") or {}).get("replicas", 1)
    return replicas if isinstance(replicas, int) else 1


def read_file(
    text: str,
    file: str,
    settings: Sequence[str],
    read: Callable[[str, str], tuple[Document, ...]] = read_documents,
    beside: Callable[[str], str] | None = None,
) -> ReadFile:
    """The file, read and judged. FileError when it cannot be right, UsageError where it has no room for its nodes.

    `read` gives the documents of a text and a file's name; `beside` the text of a file that this one names, from its
    own folder.
    """

    def read_beside(name: str) -> str:
        return (Path(file).parent / name).read_bytes().decode("utf-8")  # with its line ends as they are

    loaded = load_topology(text, file, beside or read_beside, settings, read)
    if mistakes := [*misfits(loaded.topology, node_addresses(loaded.topology))]:
        raise file_error(mistakes)
    _judge_faults(loaded.topology)
    _judge_drift(loaded.topology)
    warnings = judge(loaded.topology, loaded.manifests)
    _judge_stored(loaded.manifests)
    told = loaded.warnings + warnings
    return ReadFile(file, loaded.topology, loaded.manifests, told, loaded.written, loaded.beside)


def _judge_faults(topology: Topology) -> None:
    """FileError for one that there is not."""
    if topology.spec.faults:
        from lab.faults.written import misjudged  # noqa: PLC0415  few files have some

        if mistakes := [*misjudged(topology.spec.faults)]:
            raise file_error(mistakes)


def _judge_drift(topology: Topology) -> None:
    """FileError for what no network can hold."""
    if topology.spec.drift:
        from lab.drift.made import misjudged  # noqa: PLC0415  few files have some

        if mistakes := [*misjudged(topology.spec.drift)]:
            raise file_error(mistakes)


def _judge_stored(documents: Sequence[Document]) -> None:
    """FileError for what the API would refuse of the objects that are only stored."""
    stored = [source for source in each_source(documents, []) if source.kind in STORED_ONLY]
    if stored:
        from lab.control.mistakes import unfit  # noqa: PLC0415  40 ms that a file without such objects does not wait for

        if mistakes := unfit(stored):
            raise file_error(mistakes)


def read_design(text: str, file: str, settings: Sequence[str], impairments: Impairments = NONE) -> Design:
    """From text to network, for a lab in which nothing but the file has a say. FileError and UsageError when it cannot
    be right.
    """
    from lab.control.meaning import meant  # noqa: PLC0415  an `up` has a control plane that lives

    read = read_file(text, file, settings)
    picture = meant(read.topology, read.documents)
    design = Design(read, picture.cluster, picture.addresses, impairments=impairments)
    if not read.topology.spec.faults:
        return design
    from lab.faults.amendment import make  # noqa: PLC0415  few files have some
    from lab.faults.written import of_networks, of_objects, placed  # noqa: PLC0415

    faults = read.topology.spec.faults
    if broken := placed(of_objects(faults), design.ground, 0.0):

        def change(plane: ControlPlane) -> None:
            for one in broken:
                make(plane.registry, one.edits(plane.store))

        picture = meant(read.topology, read.documents, change)
        design = Design(read, picture.cluster, picture.addresses, impairments=impairments)
    return replace(design, faults=placed(of_networks(faults), design.ground, 0.0))


def infrastructure(topology: Topology) -> tuple[str, ...]:
    """Nodes, routers, gateway and internet."""
    return tuple(item.place for item in namespaces(topology) if isinstance(item, Namespace))
