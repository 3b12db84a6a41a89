"""What every mapping of a topology's file has in common, as a pydantic model."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

Port = Annotated[int, Field(ge=1, le=65535, strict=True)]


class Model(BaseModel):
    """Unknown fields are mistakes; null is not given; values never change; the file's camelCase is snake_case here."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: object) -> object:
        if isinstance(value, dict) and None in value.values():
            return {key: item for key, item in value.items() if item is not None}
        return value
