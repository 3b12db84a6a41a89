"""The annotation by which a pod says which of Calico's pools its address shall come from."""

from __future__ import annotations

import json
from collections.abc import Mapping

ANNOTATION = "cni.projectcalico.org/ipv4pools"


def pools_asked(annotations: Mapping[str, str]) -> tuple[str, ...]:
    """The pools in it, as prefixes (pools of a topology have no names); () when it says nothing that can be read."""
    text = annotations.get(ANNOTATION)
    if not text:
        return ()
    try:
        asked = json.loads(text)
    except ValueError:
        return ()
    return tuple(one for one in asked if isinstance(one, str)) if isinstance(asked, list) else ()
