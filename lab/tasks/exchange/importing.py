"""`collect` and `import`: a real cluster's network as a lab."""

from __future__ import annotations

import gc
import os
import secrets
from pathlib import Path

from lab import terminal
from lab.errors import UsageError
from lab.tasks.commandline.task import Context, command

_WHERE = "./inv collect --cluster >collect-cluster.sh; ./inv collect --node >collect-node.sh"


@command(
    help={
        "cluster": "The script for a place where kubectl works: objects of Kubernetes, without Secrets.",
        "node": "The script for each node: its addresses, routes, rules, settings.",
    }
)
def collect(_: Context, cluster: bool = False, node: bool = False) -> None:
    """Print a short script that reads what `import` needs of a real cluster, and writes one archive."""
    from lab.exchange.collect.script import cluster_script, node_script  # noqa: PLC0415

    if cluster is node:
        raise UsageError("one of --cluster and --node says which script is meant", _WHERE)
    terminal.data(cluster_script() if cluster else node_script())


@command(
    name="import",
    positional=("sources",),
    iterable=("sources",),
    help={
        "sources": "Archives that the scripts of collect wrote, or folders of them.",
        "output": "The folder to make: topology.yaml, and the nodes' own files beside it.",
        "only": "Only these nodes, separated by commas, with their pods and the Services that have some of these.",
        "around": "Only what a request to this Service can touch: NAMESPACE/NAME.",
        "anonymous": "Replace names and addresses, each always by the same; what shared a prefix shares one.",
        "name": "What the topology is called; without it, as the folder.",
    },
)
def import_(
    _: Context,
    sources: list[str],
    output: str = "",
    only: str = "",
    around: str = "",
    anonymous: bool = False,
    name: str = "",
) -> None:
    """Make a lab of what was collected in a real cluster. What is missing or cannot be held is told; nothing of it is
    run.
    """
    from lab.exchange.importing.collection.archive import collected  # noqa: PLC0415
    from lab.exchange.importing.collection.tarball import HINT  # noqa: PLC0415
    from lab.exchange.importing.importing import imported, lab_name  # noqa: PLC0415
    from lab.exchange.importing.surroundings.selection import Asked  # noqa: PLC0415

    if not sources:
        raise UsageError("import: there is nothing to import", HINT)
    if not output:
        raise UsageError("--output is missing", "the folder to make: --output my-cluster")
    gc.disable()  # hundreds of thousands of values, none of which goes before the end
    folder = Path(output)
    _refuse_used(folder)
    asked = Asked(tuple(filter(None, only.split(","))), around)
    key = secrets.token_bytes(16) if anonymous else b""
    made = imported(collected(sources), name or lab_name(str(folder.resolve())), asked, key)
    for note in made.notes:
        terminal.warn(f"warning: {note}")
    try:
        for file, text in made.files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {os.strerror(error.errno or 0)}", "choose another") from error
    terminal.out(f"import: {made.summary}")
    terminal.out(f"  ./inv up --topology {folder / 'topology.yaml'}")


def _refuse_used(folder: Path) -> None:
    """What a person has there is not written over, and files of an earlier import do not stay between new ones."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"{folder} is there already, and not empty", "choose another folder, or remove it")
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {os.strerror(error.errno or 0)}", "choose another") from error
