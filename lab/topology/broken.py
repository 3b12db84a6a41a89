"""A fault that a lab has from its beginning, by its name; which there are is judged by whoever knows them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lab.topology.yaml.standing import Stood

MOST = 20
Word = Annotated[str, Field(min_length=1, max_length=253)]


class Broken(Stood):
    """What is broken on purpose, and where."""

    name: Word = Field(description="The fault, as `fault.list` has it.")
    on: Word | None = Field(default=None, description="The place; the first in which it shows unless given.")
    given: dict[Word, int] = Field(default={}, alias="with", description="What the fault takes, as behind `--with`.")
    hidden: bool = Field(
        default=False, strict=True, description="Whether nobody is told of it, as with `fault.inject --hidden`."
    )
