"""What the API lets be done with objects, whoever asks: a request over HTTP or the agent itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from lab.api.deletion import Deleted, Deletion, marked, refuse, terminating
from lab.api.errors import Cause, already_exists, bad_request, conflict, invalid, not_found, too_large
from lab.api.http.requests import encoded
from lab.api.kinds import carried, check, complete, known_fields, type_errors, unknown_fields
from lab.api.kinds.filling import without_nulls
from lab.api.objectmeta import fresh, generated, named_in, refuse_finalizers, renewed
from lab.api.patches.patch import patch as patched
from lab.api.resources import NAMESPACES, NODES, PODS, Resource
from lab.api.scale import scale_of, scaled
from lab.api.selectors import EVERYTHING, Selection
from lab.api.store import Json, Store
from lab.api.versions import inward, outward
from lab.cluster.file import unobeyed

Subresource = Literal["", "status", "scale", "finalize"]

APPLY = "application/apply-patch+yaml"
"""The patch that makes what is not there."""


class Admission(Protocol):
    """What gives an object that may be stored what only the cluster can give, such as a Service's address."""

    def admit(self, resource: Resource, new: Json, old: Json | None) -> Json:
        """The object to store. Raises ApiError."""
        ...


def _unheard(warning: str) -> None:
    """Nobody wants to hear."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to write. With `dry_run` everything is done but the storing. `warn` hears of unknown fields for Warn, and of
    those of pods that the lab does not obey. With `force` who applies may take fields from others who did.
    """

    dry_run: bool = False
    validation: Literal["Ignore", "Warn", "Strict"] = "Ignore"
    manager: str = ""
    warn: Callable[[str], None] = _unheard
    force: bool = False


PLAIN = Options()
STRICT = Options(validation="Strict")


MOST_BYTES = 1536 * 1024
"""Of one object as JSON: what etcd takes at most."""


def require_size(item: Json) -> None:
    """ApiError 413 for an object that nobody may keep here."""
    if len(encoded(item)) > MOST_BYTES:
        raise too_large(f"limit is {MOST_BYTES}")


class Registry:
    """The store's objects under the API's rules. Objects that are given are not changed; those given back may not be.

    What is given is as its resource tells it, what is given back as it is stored (lab.api.versions).
    All raise ApiError.
    """

    def __init__(self, store: Store, admission: Admission) -> None:
        self.store = store
        self._admission = admission

    def over(self, store: Store) -> Registry:
        """The same rules over another store, or another sight of this one."""
        return Registry(store, self._admission)

    def get(self, resource: Resource, namespace: str, name: str, subresource: Subresource = "") -> Json:
        """The object; its Scale for that subresource."""
        found = self._held(resource, namespace, name)
        return scale_of(found) if subresource == "scale" else found

    def list(self, resource: Resource, selection: Selection = EVERYTHING) -> list[Json]:
        """By namespace and name."""
        held = self.store.list(resource.stored, selection.namespace)
        return [item for item in held if selection.matches(item)] if selection.has_selectors else held

    def create(self, resource: Resource, item: Json, namespace: str = "", options: Options = PLAIN) -> Json:
        """The object as stored. `namespace` is that of the request, "" for the object's own."""
        item = judged(resource, item, options)
        metadata = item.get("metadata") or {}
        if metadata.get("resourceVersion"):
            raise bad_request("resourceVersion should not be set on objects to be created")
        namespace = named_in(resource, metadata, namespace)
        name = metadata.get("name") or self._generated(resource, namespace, metadata.get("generateName") or "")
        self._require_namespace(resource, namespace, name)
        stored = resource.stored
        made = {**inward(resource, item), "metadata": fresh(resource, metadata, namespace, name)}
        if "status" in resource.subresources and resource is not NODES:
            made.pop("status", None)  # its controller's to say; a node's is its own
        if resource is NAMESPACES:
            made |= {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
        if self.store.find(stored, namespace, name) is not None:
            raise already_exists(resource, name)
        made = self._admitted(resource, made, None)
        _warn_of_unobeyed(resource, made, options)
        if options.dry_run:
            made["metadata"]["creationTimestamp"] = self.store.now()
            return {"apiVersion": stored.api_version, "kind": stored.kind, **made}
        return self.store.create(stored, made)

    def update(
        self,
        resource: Resource,
        item: Json,
        namespace: str = "",
        name: str = "",
        options: Options = PLAIN,
        subresource: Subresource = "",
    ) -> Json:
        """The object as stored; `name` is that of the request, "" for the object's own. Of `item` only that counts
        which the subresource is about; without one, all but the status.
        """
        if subresource == "scale":
            old = self._held(resource, namespace, name)
            return scale_of(self._write(resource, scaled(old, item), old, options, ""))
        item = judged(resource, item, options)
        metadata = item.get("metadata") or {}
        namespace = named_in(resource, metadata, namespace)
        given = metadata.get("name") or name
        if given != (name or given):
            raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")
        old = self._held(resource, namespace, given)
        return self._write(resource, inward(resource, item), old, options, subresource)

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        content_type: str,
        body: bytes | Json,
        options: Options = PLAIN,
        subresource: Subresource = "",
    ) -> Json:
        """The object as stored. `body` is the patch in the form that the content type says; apply makes what is not
        there.
        """
        if content_type == APPLY and not subresource and self.store.find(resource.stored, namespace, name) is None:
            target = {"metadata": {"name": name, **({"namespace": namespace} if namespace else {})}}
            made = patched(resource, content_type, target, body, options.manager, force=options.force)
            if (made.get("metadata") or {}).get("name") != name:
                raise bad_request(f"the name of the object does not match the name on the URL ({name})")
            return self.create(resource, made, namespace, options)
        target = outward(resource, self.get(resource, namespace, name, subresource))
        new = patched(resource, content_type, target, body, options.manager, force=options.force)
        require_size(new)
        return self.update(resource, new, namespace, name, options, subresource)

    def bind(self, pod: Json, node: str, options: Options = PLAIN) -> Json:
        """The pod on its node: placement is decided once."""
        name = pod["metadata"]["name"]
        at = pod["spec"].get("nodeName")
        if at:
            raise conflict(PODS, name, f'pod {name} is already assigned to node "{at}"')
        status = pod.get("status") or {}
        told = {"type": "PodScheduled", "status": "True", "lastTransitionTime": self.store.now()}
        conditions = [one for one in status.get("conditions") or () if one.get("type") != "PodScheduled"]
        new = {
            **pod,
            "spec": {**pod["spec"], "nodeName": node},
            "status": {**status, "conditions": [*conditions, told]},
        }
        return new if options.dry_run else self.store.update(PODS, new)

    def delete(self, resource: Resource, namespace: str, name: str, deletion: Deletion = Deletion()) -> Deleted:  # noqa: B008, frozen
        """Delete it, or mark it as being deleted."""
        item, stored = self._held(resource, namespace, name), resource.stored
        refuse(stored, item, deletion)
        left = marked(stored, item, deletion, self.store.now())
        if left is None:
            return Deleted(item if deletion.dry_run else self.store.remove(stored, namespace, name), True)
        return Deleted(left if deletion.dry_run else self.store.update(stored, left), False)

    def delete_collection(self, resource: Resource, selection: Selection, deletion: Deletion) -> tuple[Deleted, ...]:
        """Each of them; what somebody else deletes meanwhile is passed over."""
        found = [item["metadata"] for item in self.list(resource, selection)]
        keys = [(metadata.get("namespace", ""), metadata["name"]) for metadata in found]
        return tuple(self.delete(resource, *key, deletion) for key in keys if self.store.find(resource.stored, *key))

    def _held(self, resource: Resource, namespace: str, name: str) -> Json:
        found = self.store.find(resource.stored, namespace, name)
        if found is None:
            raise not_found(resource, name)
        return found

    def _write(self, resource: Resource, item: Json, old: Json, options: Options, subresource: Subresource) -> Json:
        name = old["metadata"]["name"]
        metadata = item.get("metadata") or {}
        for mark, words in (("resourceVersion", ""), ("uid", "UID")):
            given, kept = metadata.get(mark) or "", old["metadata"][mark]
            if given not in ("", kept):
                told = f"Precondition failed: {words} in precondition: {given}, {words} in object meta: {kept}"
                raise conflict(resource, name, told if words else "")
        new = self._parted(resource, item, old, subresource)
        if subresource == "finalize":
            return new if options.dry_run else self.store.update(resource, new)
        new = self._admitted(resource, new, old)
        if not subresource:
            _warn_of_unobeyed(resource, new, options)
        return new if options.dry_run else self.store.update(resource.stored, new)

    def _parted(self, resource: Resource, item: Json, old: Json, subresource: Subresource) -> Json:
        """The old object with the part of the new one that is to be written."""
        if subresource == "status":
            return {**old, "status": item.get("status") or {}}
        if subresource == "finalize":
            spec = item.get("spec") or {}
            return {**old, "spec": {**old.get("spec", {}), "finalizers": spec.get("finalizers") or []}}
        new = {**item, "apiVersion": resource.stored.api_version, "kind": resource.stored.kind}
        new["metadata"] = renewed(resource, item.get("metadata") or {}, old["metadata"])
        refuse_finalizers(resource, new["metadata"], old["metadata"])
        kept = ["status"] if "status" in resource.subresources else []
        if resource is NAMESPACES:
            kept.append("spec")  # its finalizers are the controllers' alone
        for part in kept:
            new.pop(part, None)
            if part in old:
                new[part] = old[part]
        return new

    def _admitted(self, resource: Resource, item: Json, old: Json | None) -> Json:
        stored = resource.stored
        if old is not None:
            item = carried(stored, without_nulls(item), old)
        made = self._admission.admit(stored, complete(stored, item), old)
        causes = check(resource, made, old)
        if causes:
            raise invalid(resource, made["metadata"].get("name") or "", causes)
        return made

    def _generated(self, resource: Resource, namespace: str, prefix: str) -> str:
        if not prefix:
            told = "Required value: name or generateName is required"
            raise invalid(resource, "", [Cause("metadata.name", told, "FieldValueRequired")])
        attempt = 0
        while self.store.find(resource.stored, namespace, name := generated(prefix, self.store.revision, attempt)):
            attempt += 1
        return name

    def _require_namespace(self, resource: Resource, namespace: str, name: str) -> None:
        if not resource.namespaced:
            return
        found = self.store.find(NAMESPACES, "", namespace)
        if found is None:
            raise not_found(NAMESPACES, namespace)
        if found["metadata"].get("deletionTimestamp"):
            raise terminating(namespace, resource, name)


def _warn_of_unobeyed(resource: Resource, item: Json, options: Options) -> None:
    if options.warn is not _unheard:
        for told in unobeyed.warnings(resource.kind, item):
            options.warn(told)


def judged(resource: Resource, item: Json, options: Options) -> Json:
    """The object, of which the fields that the kind does not have are dropped. ApiError 400 for what is not of that
    kind.
    """
    kind = (item.get("apiVersion") or resource.api_version, item.get("kind") or resource.kind)
    if kind != (resource.api_version, resource.kind):
        wanted = f"{resource.kind} ({resource.api_version})"
        raise bad_request(f"the object provided is unrecognized (must be of type {wanted}): {kind[1]} ({kind[0]})")
    named = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
    if not isinstance(item.get("metadata") or {}, dict):
        raise bad_request(f"{named}: metadata is not an object")
    wrong = type_errors(resource, item)
    if wrong:
        raise bad_request(f"{named}: {wrong}")
    unknown = unknown_fields(resource, item) if options.validation != "Ignore" else ()
    told = [f'unknown field "{field}"' for field in unknown]
    if told and options.validation == "Strict":
        raise bad_request(f"{named}: strict decoding error: {', '.join(told)}")
    for warning in told:
        options.warn(warning)
    return known_fields(resource, item)
