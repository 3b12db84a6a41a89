"""What of a topology's file is judged by others than the schema: it knows where it stands."""

from __future__ import annotations

from typing import NamedTuple, Self

from pydantic import PrivateAttr

from lab.errors import Mistake
from lab.topology.model import Model
from lab.topology.yaml.document import Document, Path, field_path


class Standing(NamedTuple):
    """Where a value stands: line and column count from 1."""

    file: str
    line: int
    column: int


class Stood(Model):
    """A mapping of the file that knows, after loading, where it and each of its fields stand."""

    # Its path in the file, and where it (under "") and each of its fields stand; loading knows them.
    _path: Path = PrivateAttr(default=())
    _standing: dict[str, Standing] = PrivateAttr(default={"": Standing("", 0, 0)})

    def stood(self, document: Document, path: Path) -> Self:
        """The same, and where in the document it stands."""
        fields = (info.alias or name for name, info in type(self).model_fields.items() if name in self.model_fields_set)
        made = self.model_copy()
        made._path = path
        made._standing = {field: Standing(*document.position((*path, field))) for field in fields}
        made._standing[""] = Standing(*document.position(path))
        return made

    @property
    def standing(self) -> Standing:
        """Where it begins, after loading."""
        return self._standing[""]

    @property
    def origin(self) -> str:
        """`two-subnet.yaml:31`, after loading."""
        return f"{self.standing.file.rpartition('/')[2]}:{self.standing.line}"

    def mistake(self, field: str, problem: str, remedy: str = "") -> Mistake:
        """What is wrong with one of its fields, named as in the file."""
        return Mistake(*self._standing.get(field, self.standing), field_path((*self._path, field)), problem, remedy)
