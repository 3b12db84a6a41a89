"""Pydantic's errors in our words: field path as in the file, what is wrong, what would be right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from lab.errors import FileError, Mistake
from lab.suggestion import did_you_mean
from lab.topology.names import REMEDIES
from lab.topology.yaml.document import Document, Path, shown

Words = tuple[str, str]
MAX_MISTAKES = 100  # more than that nobody reads

Rule = Callable[[Any, dict[str, Any]], Words]


def refusals(error: ValidationError, document: Document, model: type[BaseModel], at: Path = ()) -> list[Mistake]:
    """One mistake for each error; `at` is where in the document the validated value stands."""
    mistakes = []
    for detail in error.errors(include_url=False)[: MAX_MISTAKES + 1]:
        path = at + tuple(part for part in detail["loc"] if part != "[key]")
        if detail["type"] == "extra_forbidden":
            problem, remedy = _unknown_field(detail, model)
        else:
            problem, remedy = _words(detail)
        # A missing field has no place of its own: point at where its mapping begins.
        mistakes.append(document.mistake(path, problem, remedy, key=detail["type"] == "extra_forbidden"))
    return mistakes


def refusal(problem: str, remedy: str = "") -> PydanticCustomError:
    """The error of a validator of ours, in the words that the author of the file will read."""
    return PydanticCustomError("hoplab", "{problem}; {remedy}", {"problem": problem, "remedy": remedy})


def file_error(mistakes: Iterable[Mistake]) -> FileError:
    """The error for all these mistakes, each told once, in the order in which they stand in the file."""
    found = sorted(dict.fromkeys(mistakes), key=lambda mistake: (mistake.file, mistake.line, mistake.column))
    if len(found) > MAX_MISTAKES:
        last = found[MAX_MISTAKES - 1]
        rest = f"{len(found) - MAX_MISTAKES + 1} mistakes or more from here on"
        found[MAX_MISTAKES - 1 :] = [Mistake(last.file, last.line, last.column, "", rest, "mend the others first")]
    return FileError(tuple(found))


def unknown(what: str, name: str, known: Sequence[str]) -> Words:
    """A name that refers to nothing, with those that it could be: all of a few, or the likeliest of many."""
    listed = f"there is {known[0]}" if len(known) == 1 else f"there are {', '.join(known[:8])}"
    few = len(known) <= 8
    return f"there is no {what} {shown(name)}", listed if few else did_you_mean(name, known, f"{listed}, …")


def _unknown_field(detail: ErrorDetails, model: type[BaseModel]) -> Words:
    name = str(detail["loc"][-1])
    owner = _model_at(model, detail["loc"][:-1])
    known = [field.alias or key for key, field in owner.model_fields.items()] if owner else []
    fields = f"its fields are {', '.join(known)}" if known else ""
    return f"unknown field {shown(name)}", did_you_mean(name, known, fields)


def _model_at(model: type[BaseModel] | None, path: Path) -> type[BaseModel] | None:
    """The model of the value at `path`, found by following the fields' annotations."""
    for part in path:
        if isinstance(part, int) or model is None:
            continue
        fields = {field.alias or key: field for key, field in model.model_fields.items()}
        model = _model_in(fields[part].annotation) if part in fields else None
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for item in get_args(annotation) if (found := _model_in(item))), None)


def _words(detail: ErrorDetails) -> Words:
    rule = _RULES.get(detail["type"])
    if rule is None:
        return f"{shown(detail['input'])} is not valid here", detail["msg"]
    return rule(detail["input"], detail.get("ctx", {}))


def _expected(what: str, remedy: str = "") -> Rule:
    return lambda given, _: (f"{shown(given)} is not {what}", remedy)


def _text(given: object, _: dict[str, Any]) -> Words:
    scalar = isinstance(given, bool | int | float)
    return f"{shown(given)} is not text", f"put it in quotes: '{shown(given)}'" if scalar else ""


def _choice(given: object, context: dict[str, Any]) -> Words:
    choices = [item.strip("'") for item in context["expected"].replace(" or ", ", ").split(", ")]
    listed = choices[0] if len(choices) == 1 else f"one of {', '.join(choices)}"
    close = did_you_mean(given, choices) if isinstance(given, str) else ""
    return f"{shown(given)} is not possible here", f"it must be {listed}" + (f"; {close}" if close else "")


def _pattern(given: object, context: dict[str, Any]) -> Words:
    what, remedy = REMEDIES[context["pattern"]]
    return f"{shown(given)} cannot be {what}", remedy


_RULES: dict[str, Rule] = {
    "missing": lambda _, __: ("is missing", "it must be given"),
    "string_type": _text,
    "string_pattern_mismatch": _pattern,
    "string_too_long": lambda given, c: (f"{shown(given)} is too long", f"at most {c['max_length']} characters"),
    "string_too_short": lambda _, __: ("is empty", "it must be given"),
    "literal_error": _choice,
    "int_type": _expected("a whole number"),
    "int_parsing": _expected("a whole number"),
    "int_from_float": _expected("a whole number"),
    "bool_type": _expected("true or false"),
    "bool_parsing": _expected("true or false"),
    "tuple_type": _expected("a list", "write it as items that begin with '- '"),
    "dict_type": _expected("a mapping", "write it as fields, 'name: value'"),
    "model_type": _expected("a mapping", "write it as fields, 'name: value'"),
    "model_attributes_type": _expected("a mapping", "write it as fields, 'name: value'"),
    "too_short": lambda _, c: ("the list is too short", f"at least {c['min_length']} item is needed"),
    "too_long": lambda _, c: (f"the list has {c['actual_length']} items", f"at most {c['max_length']} are possible"),
    "greater_than_equal": lambda given, c: (f"{shown(given)} is too small", f"the least is {c['ge']}"),
    "less_than_equal": lambda given, c: (f"{shown(given)} is too large", f"the most is {c['le']}"),
    "hoplab": lambda _, c: (c["problem"], c["remedy"]),
}
