"""Finding the topology that is meant: a file, or one of those that come with Hoplab by its name."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from lab.errors import UsageError
from lab.suggestion import did_you_mean
from lab.tasks.commandline import inputs

# In a checkout beside the package, in an installed wheel inside it.
_FOLDERS = (Path(__file__).resolve().parents[2] / "topologies", Path(__file__).resolve().parents[1] / "topologies")
USUAL = "a topology of 1,000 pods has about 100 KiB"
MAX_BYTES = 16 * 1024 * 1024  # more is refused unread; the loader's own limit is lower and says where it was passed


@dataclass(frozen=True, slots=True)
class Source:
    """A topology's text and the absolute path of its file."""

    file: str
    text: str


def find(topology: str) -> Source:
    """The file of that path, or the shipped topology of that name. UsageError naming the choices."""
    path = Path(topology)
    if re.fullmatch(r"[a-z0-9-]{1,63}", topology) and not path.is_file():
        path = next(
            (folder / f"{topology}.yaml" for folder in _FOLDERS if (folder / f"{topology}.yaml").is_file()), path
        )
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{topology}: larger than {MAX_BYTES >> 20} MiB", USUAL)
    except OSError as error:
        told = did_you_mean(topology, names(), f"a file, or one of: {', '.join(names())}")
        raise UsageError(f"no topology {topology!r}: {os.strerror(error.errno or 0)}", told) from error
    return Source(str(path.resolve()), inputs.read(str(path), USUAL, most=MAX_BYTES).decode(errors="replace"))


def names() -> tuple[str, ...]:
    """The shipped topologies."""
    found = {path.stem for folder in _FOLDERS if folder.is_dir() for path in folder.glob("*.yaml")}
    return tuple(sorted(found))


def lab_name(source: Source) -> str:
    """metadata.name of the first document, read by eye: enough to know which lab is meant before anything is checked.

    FileError from the real loader when there is none to be found, for then the file cannot be right.
    """
    import yaml  # noqa: PLC0415

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        first = yaml.compose(source.text.partition("\n---")[0], Loader=loader)
        metadata = next(value for key, value in getattr(first, "value", ()) if key.value == "metadata")
        name = next(value.value for key, value in metadata.value if key.value == "name")
    except (yaml.YAMLError, StopIteration, AttributeError, TypeError, ValueError):
        name = ""
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name):
        from lab.agent.design.blueprint import read_file  # noqa: PLC0415

        return read_file(source.text, source.file, ()).topology.metadata.name
    return name
