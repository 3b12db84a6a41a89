"""Names of nodes, namespaces, pods, Services and labels replaced by numbered ones. The lab's own names stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from lab.cluster.endpoints import SERVICE_NAME
from lab.exchange.importing.collection.objects import Kept, Node, Objects, Pod
from lab.exchange.importing.collection.text import Json
from lab.exchange.importing.surroundings.selection import OWN_SERVICES, Asked

_OWN_NAMESPACES = ("default", "kube-system", "kube-public")
_OWN_LABELS = ("k8s-app", SERVICE_NAME, "service.kubernetes.io/service-proxy-name")


@dataclass(slots=True)
class Numbered:
    """Names of one kind, each by the next number."""

    word: str
    made: dict[str, str] = field(default_factory=dict)

    def of(self, name: str) -> str:
        """ "" stays."""
        return self.made.setdefault(name, f"{self.word}-{len(self.made)}") if name else ""


@dataclass(slots=True)
class ReplacedNames:
    """The replacing of one import."""

    nodes: Numbered = field(default_factory=lambda: Numbered("node"))
    zones: Numbered = field(default_factory=lambda: Numbered("zone"))
    namespaces: Numbered = field(default_factory=lambda: Numbered("namespace"))
    pods: Numbered = field(default_factory=lambda: Numbered("pod"))
    services: Numbered = field(default_factory=lambda: Numbered("service"))
    slices: Numbered = field(default_factory=lambda: Numbered("slice"))
    keys: Numbered = field(default_factory=lambda: Numbered("label"))
    values: Numbered = field(default_factory=lambda: Numbered("value"))
    outside: Numbered = field(default_factory=lambda: Numbered("name"))

    def objects(self, given: Objects) -> Objects:
        """All of the cluster's, with other names."""
        return replace(
            given,
            nodes=[self._node(one) for one in given.nodes],
            pods=[self._pod(one) for one in given.pods],
            services=[self._kept(one, self._service) for one in given.services],
            slices=[self._kept(one, lambda _namespace, name: self.slices.of(name)) for one in given.slices],
            affinities=[(self.nodes.of(node), block) for node, block in given.affinities],
        )

    def asked(self, given: Asked) -> Asked:
        """What a person asks for by the names that the cluster has."""
        namespace, slash, name = given.around.rpartition("/")
        around = f"{self._namespace(namespace or 'default')}/{self._service(namespace or 'default', name)}"
        return Asked(tuple(map(self.nodes.of, given.only)), around if slash or name else "")

    def _namespace(self, name: str) -> str:
        return name if name in _OWN_NAMESPACES else self.namespaces.of(name)

    def _service(self, namespace: str, name: str) -> str:
        return name if f"{namespace}/{name}" in OWN_SERVICES else self.services.of(name)

    def _node(self, one: Node) -> Node:
        return replace(one, name=self.nodes.of(one.name), zone=self.zones.of(one.zone))

    def _pod(self, one: Pod) -> Pod:
        return replace(
            one,
            namespace=self._namespace(one.namespace),
            name=self.pods.of(one.name),
            node=self.nodes.of(one.node),
            labels=tuple(self._label(key, value) for key, value in one.labels),
            hostname=self.pods.of(one.hostname),
            subdomain=self.services.of(one.subdomain),
        )

    def _label(self, key: str, value: str) -> tuple[str, str]:
        return (key, value) if key in _OWN_LABELS else (self.keys.of(key), self.values.of(value))

    def _kept(self, one: Kept, name: Callable[[str, str], str]) -> Kept:
        spec = dict(one.spec)
        if isinstance(spec.get("selector"), dict):
            spec["selector"] = dict(self._label(key, str(value)) for key, value in spec["selector"].items())
        if spec.get("externalName"):
            spec["externalName"] = f"{self.outside.of(str(spec['externalName']))}.example.com"
        if isinstance(spec.get("endpoints"), list):
            spec["endpoints"] = [self._endpoint(endpoint) for endpoint in spec["endpoints"]]
        labels = {key: value for key, value in one.labels.items() if key in _OWN_LABELS}
        if SERVICE_NAME in labels:
            labels[SERVICE_NAME] = self._service(one.namespace, str(labels[SERVICE_NAME]))
        return replace(
            one, namespace=self._namespace(one.namespace), name=name(one.namespace, one.name), labels=labels, spec=spec
        )

    def _endpoint(self, given: Json) -> Json:
        """Addresses, conditions and the node: the rest says names."""
        made: Json = {key: value for key, value in given.items() if key in ("addresses", "conditions")}
        if given.get("nodeName"):
            made["nodeName"] = self.nodes.of(str(given["nodeName"]))
        return made
