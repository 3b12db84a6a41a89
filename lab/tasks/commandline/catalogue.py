"""The tasks by their names. A module is imported when one of its tasks is asked for: a command needs one of a dozen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from lab.tasks.commandline.task import Command


class Catalogue(Mapping[str, Command]):
    """`functions` says where each is, as module:function; `own` are there already."""

    def __init__(self, functions: Mapping[str, str], *own: Command) -> None:
        self._functions = functions
        self._found = {one.name: one for one in own}

    def __getitem__(self, name: str) -> Command:
        if name not in self._found:
            module, _, function = self._functions[name].partition(":")
            self._found[name] = getattr(import_module(module), function)
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._functions or name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter({**self._functions, **self._found})

    def __len__(self) -> int:
        return len({**self._functions, **self._found})

    def beside(self, *own: Command) -> Catalogue:
        """These and others."""
        return Catalogue(self._functions, *self._found.values(), *own)
