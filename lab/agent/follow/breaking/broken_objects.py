"""Faults of objects of the API: put in as `kubectl patch` would, and upon what an `up` makes of the file's objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from lab.api.errors import ApiError
from lab.api.store import Json
from lab.control.plane import ControlPlane
from lab.errors import UsageError

if TYPE_CHECKING:
    from lab.faults.amendment import Edited
    from lab.faults.fault import Placed

Made = dict["Placed", tuple["Edited", ...]]


class BrokenObjects:
    """Those of one lab: `made` is what each has changed."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self.made: Made = {}

    def begin(self, placed: Placed) -> tuple[str, ...]:
        """UsageError where it would change nothing, or the API refuses. Nothing is left to tell."""
        self.made |= put_in(self._plane, (placed,))
        return ()

    def end(self, placed: Placed) -> tuple[str, ...]:
        """What of it is not as it was before, in words: somebody has changed it meanwhile."""
        from lab.faults.amendment import take_back  # noqa: PLC0415  few labs have one

        return take_back(self._plane.registry, self.made.pop(placed, ()))

    def without(self, faults: Iterable[Placed]) -> Iterator[Json]:
        """The objects that these have changed, as they would be without them."""
        made = [one for placed in faults for one in self.made.get(placed, ())]
        if made:
            from lab.faults.amendment import as_before  # noqa: PLC0415  as above

            for resource, item in as_before(self._plane.store, made):
                yield {"apiVersion": resource.api_version, "kind": resource.kind, **item}

    def lift(self, plane: ControlPlane) -> None:
        """Take all of them out of these objects, which are this lab's or their twins; what they are is still known."""
        if self.made:
            from lab.faults.amendment import take_back  # noqa: PLC0415  as above

            for one in reversed(self.made.values()):
                take_back(plane.registry, one)


def put_in(plane: ControlPlane, faults: Sequence[Placed]) -> Made:
    """Change the objects. UsageError where one of them would change nothing, or the API refuses: none is in then."""
    from lab.faults.amendment import make, take_back  # noqa: PLC0415  as above

    made: Made = {}
    try:
        for one in faults:
            edits = one.edits(plane.store)
            if not edits:
                raise UsageError(f"{one.where} would change nothing", f"it needs {one.fault.where}")
            made[one] = make(plane.registry, edits)
    except Exception as error:
        for edited in reversed(made.values()):
            take_back(plane.registry, edited)
        if isinstance(error, ApiError):
            raise UsageError(f"the API refuses a fault: {error}", "`./inv get -o yaml` shows the object") from error
        raise
    return made
