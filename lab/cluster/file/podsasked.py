"""The pods that manifests ask for: what others among the manifests may say of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from lab.cluster.file.sources import Source
from lab.cluster.pod_hashes import pod_names, replica_set_hash

NamedPort = tuple[str, str]
"""Name and protocol."""


@dataclass(frozen=True, slots=True)
class PodsAsked:
    """One pod, or a Deployment's `replicas`; `name` is the manifest's, which stands at `source`, or is the lab's own.
    `ports` are those that have a name.
    """

    namespace: str
    name: str
    labels: Mapping[str, str]
    ports: frozenset[NamedPort] = frozenset()
    replicas: int | None = None
    source: Source | None = None


class AllPods:
    """All of them. The names of a Deployment's are worked out only when one is asked for that may be among them."""

    def __init__(self) -> None:
        self._single: set[tuple[str, str]] = set()
        self._many: dict[tuple[str, str], PodsAsked] = {}
        self._names: dict[tuple[str, str], frozenset[str]] = {}
        self._labelled: defaultdict[tuple[str, str, str], list[PodsAsked]] = defaultdict(list)

    def add(self, one: PodsAsked) -> None:
        if one.replicas is None:
            self._single.add((one.namespace, one.name))
        else:
            self._many[one.namespace, f"{one.name}-{replica_set_hash(one.namespace, one.name)}"] = one
        for pair in one.labels.items() if one.replicas != 0 else ():
            self._labelled[one.namespace, *pair].append(one)

    def has(self, namespace: str, name: str) -> bool:
        """Whether there is such a pod."""
        return (namespace, name) in self._single or self.deployment(namespace, name) is not None

    def deployment(self, namespace: str, name: str) -> PodsAsked | None:
        """The Deployment one of whose pods is called so."""
        key = namespace, name.rpartition("-")[0]
        found = self._many.get(key)
        if found is not None and key not in self._names:
            self._names[key] = frozenset(pod_names(namespace, found.name, found.replicas or 0))
        return found if name in self._names.get(key, ()) else None

    def selected(self, namespace: str, selector: Mapping[str, str]) -> list[PodsAsked]:
        """Those that have all of these labels."""
        groups = [self._labelled.get((namespace, *pair), []) for pair in selector.items()]
        return [one for one in min(groups, key=len, default=[]) if selector.items() <= one.labels.items()]
