"""Objects, lists and events as the client wants to see them: whole, as Tables, or their metadata alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lab.api.http.negotiation import Form
from lab.api.resources import Resource
from lab.api.tables.rows import table
from lab.api.versions import outward
from lab.api.watching import Event

Json = dict[str, Any]

_META = "meta.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Rendering:
    """`now` gives the time for ages in Tables; `include_object` what a Table's rows have beside their cells."""

    resource: Resource
    form: Form
    now: Callable[[], str]
    include_object: str = "Metadata"

    def item(self, item: Json) -> Json:
        match self.form:
            case "Table":
                return self._table([item], {"resourceVersion": item["metadata"].get("resourceVersion", "")})
            case "Metadata":
                return _metadata_of(item)
            case _:
                return outward(self.resource, item)

    def items(self, items: Sequence[Json], metadata: Json) -> Json:
        """A list; `metadata` is its own."""
        match self.form:
            case "Table":
                return self._table(items, metadata)
            case "Metadata":
                found = [_metadata_of(item) for item in items]
                return {"kind": "PartialObjectMetadataList", "apiVersion": _META, "metadata": metadata, "items": found}
            case _:
                head = {"kind": f"{self.resource.kind}List", "apiVersion": self.resource.api_version}
                return {**head, "metadata": metadata, "items": [outward(self.resource, item) for item in items]}

    def event(self, event: Event) -> Json:
        """The object of an event: a Table of one row for Tables, of none for bookmarks."""
        if event.type == "ERROR":
            return event.object
        if event.type == "BOOKMARK" and self.form == "Table":
            return self._table([], event.object["metadata"])
        return self.item(event.object)

    def _table(self, items: Sequence[Json], metadata: Json) -> Json:
        return {**table(self.resource, items, self.now(), include_object=self.include_object), "metadata": metadata}


def _metadata_of(item: Json) -> Json:
    return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": item["metadata"]}
