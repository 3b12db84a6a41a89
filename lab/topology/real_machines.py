"""What a topology's author gives of real machines besides firewalls: files with what they printed of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import Field, PrivateAttr

from lab.topology.model import Model
from lab.topology.names import Name

if TYPE_CHECKING:
    from lab.topology.machine.entries import SavedEntry, SavedNeighbour
    from lab.topology.machine.policy_rule import SavedRule
    from lab.topology.machine.route import SavedRoute
    from lab.topology.machine.sysctl_lines import SavedSetting

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Written(Generic[T]):
    """What a file says, and in which line."""

    value: T
    file: str
    line: int

    @property
    def origin(self) -> str:
        """`node-2.routes:31`."""
        return f"{self.file.rpartition('/')[2]}:{self.line}"


@dataclass(frozen=True, slots=True)
class Saved:
    """All that the files of one machine say."""

    routes: tuple[Written[SavedRoute], ...] = ()
    rules: tuple[Written[SavedRule], ...] = ()
    neighbours: tuple[Written[SavedNeighbour], ...] = ()
    entries: tuple[Written[SavedEntry], ...] = ()
    settings: tuple[Written[SavedSetting], ...] = ()


class Machine(Model):
    """What a real machine printed of itself: a node or router has it besides what the lab's components make there."""

    on: Name = Field(description="The node or router that has it; each is named once.")
    routes_file: str | None = Field(
        default=None,
        description="File with what `ip route show table all` printed (`-d`, `-N`, `-j` too), relative to this one. "
        "For a destination and table of which it says something, the lab's own route is left out.",
    )
    policy_rules_file: str | None = Field(
        default=None, description="File with what `ip rule` printed (`-N`, `-j` too), relative to this one."
    )
    neighbours_file: str | None = Field(
        default=None,
        description="File with what `ip neigh` printed (`-j` too), relative to this one: its PERMANENT entries count.",
    )
    fdb_file: str | None = Field(
        default=None,
        description="File with what `bridge fdb` printed (`-j` too), relative to this one: the permanent entries of "
        "VXLAN devices themselves count.",
    )
    sysctl_file: str | None = Field(
        default=None,
        description="File with what `sysctl net` printed, relative to this one: settings of a network namespace count.",
    )

    # What its files say; loading knows it.
    _saved: Saved = PrivateAttr(default=Saved())

    def loaded(self, saved: Saved) -> Machine:
        """The same with what its files say."""
        made = self.model_copy()
        made._saved = saved
        return made

    @property
    def saved(self) -> Saved:
        """What the files say, after loading."""
        return self._saved
