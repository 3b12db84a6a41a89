"""ServiceCIDRs and IPAddresses."""

from __future__ import annotations

from typing import Any

from lab.api.tables.ages import age
from lab.api.tables.column import AGE, NAME, NONE, Column, text

Json = dict[str, Any]

SERVICECIDRS: tuple[Column, ...] = (NAME, text("CIDRs", "The prefixes of Services' addresses."), AGE)
IPADDRESSES: tuple[Column, ...] = (NAME, text("ParentRef", "Whose address it is."), AGE)


def servicecidr_cells(item: Json, now: str) -> list[Any]:
    cidrs = ",".join((item.get("spec") or {}).get("cidrs") or ())
    return [item["metadata"]["name"], cidrs, age(item["metadata"].get("creationTimestamp"), now)]


def ipaddress_cells(item: Json, now: str) -> list[Any]:
    told = (item.get("spec") or {}).get("parentRef") or {}
    resource = ".".join(filter(None, (told.get("resource"), told.get("group"))))
    parent = "/".join(filter(None, (resource, told.get("namespace"), told.get("name"))))
    return [item["metadata"]["name"], parent or NONE, age(item["metadata"].get("creationTimestamp"), now)]
