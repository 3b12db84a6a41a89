"""What somebody had changed by hand in a lab that was written down whole: what its places hold otherwise than designed.

What the words mean to a network is judged by whoever knows its objects (lab.drift).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from lab.topology.broken import Word
from lab.topology.yaml.standing import Stood

MOST = 2000
Text = Annotated[str, Field(max_length=4 << 20)]


class Drifted(Stood):
    """What one place holds otherwise than it should: `up` makes it so, `trace` and `doctor` find it as any drift."""

    on: Word | None = Field(default=None, description="The place: a node, a router, a pod as NAMESPACE/NAME.")
    rules: Text = Field(
        default="",
        description="Changes of iptables' rules, as for `iptables-restore --noflush`: a line `*TABLE`, then `-I CHAIN "
        "N RULE`, `-A`, `-D`, `:CHAIN POLICY` (`:CHAIN -` for a new one), `-X CHAIN`.",
    )
    sets: Text = Field(
        default="", description="Changes of sets: lines `create NAME TYPE`, `add NAME MEMBER`, `del`, `destroy`."
    )
    objects: tuple[dict[str, Any], ...] = Field(
        default=(),
        description="What else is there, or is otherwise than designed: each with its `kind` (Route, Sysctl, …) and "
        "the fields that it has.",
    )
    gone: tuple[tuple[Word, ...], ...] = Field(
        default=(), description="What is designed and missing: kind and name, such as [route, 10.244.0.64/26]."
    )
    stopped: tuple[Word, ...] = Field(default=(), description="Components that are stopped there: `component.list`.")

    def __eq__(self, other: object) -> bool:
        """Whether both say the same, wherever they stand."""
        return isinstance(other, Drifted) and self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]  # objects are mappings
