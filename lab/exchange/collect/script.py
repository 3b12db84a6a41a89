"""The scripts themselves: POSIX sh, which a node's BusyBox runs, and short enough to be read before they are run."""

from __future__ import annotations

from collections.abc import Iterable

from lab.exchange.collect.contents import ABOUT, CLUSTER, CLUSTER_FILES, FORMAT, NODE, NODE_FILES, NOTES, Printed

_HEAD = """\
#!/bin/sh
# {title}
# It reads and changes nothing, and writes one archive: {archive}, or the file that is named;
# - is standard output.{where}
set -u
umask 077
export LC_ALL=C PATH="${{PATH:-/usr/bin:/bin}}:/usr/local/sbin:/usr/sbin:/sbin"
name="{name}"
out="${{1:-$name.tar.gz}}"
work=$(mktemp -d "${{TMPDIR:-/tmp}}/hoplab.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/$name" || exit 1
notes="$work/$name/{notes}"
: >"$notes"

collect() {{  # a file's name, and the command that prints it
    file="$work/$name/$1"
    shift
    if ! command -v "$1" >/dev/null 2>&1; then
        echo "$1: there is no such program here" >>"$notes"
        return 1
    fi
    "$@" >"$file" 2>"$work/said"
    status=$?
    [ -s "$work/said" ] && sed "s|^|$*: |" "$work/said" >>"$notes"
    [ $status -eq 0 ] && return 0
    echo "$*: ended with status $status" >>"$notes"
    rm -f "$file"
    return 1
}}

printf 'format={format}\\nof={kind}\\nname=%s\\ndate=%s\\n' "$(uname -n)" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \\
    >"$work/$name/{about}"
"""

_TAIL = """
if [ "$out" = - ]; then
    tar -C "$work" -cf - "$name" | gzip -c
else
    tar -C "$work" -cf - "$name" | gzip -c >"$out" || exit 1
    echo "$out: $(grep -c . "$notes") notes of what is not in it" >&2
fi
"""

_CLUSTER_WHERE = """
# Run it where kubectl works: sh collect-cluster.sh
# Secrets are not asked for. Pods are written whole, with the variables that stand in their manifests."""
_NODE_WHERE = """
# Run it as root on each node, by ssh or from a pod in the node's namespaces:
#   ssh node-1 sudo sh -s -- - <collect-node.sh >node-1.tar.gz"""


def cluster_script() -> str:
    """The script for a place where kubectl works."""
    title = "What a cluster says of itself, for `import`: objects of Kubernetes, Secrets not among them."
    head = _HEAD.format(
        title=title,
        archive=f"{CLUSTER}.tar.gz",
        where=_CLUSTER_WHERE,
        name=CLUSTER,
        notes=NOTES,
        format=FORMAT,
        kind="cluster",
        about=ABOUT,
    )
    return f"{head}{_lines(CLUSTER_FILES)}{_TAIL}"


def node_script() -> str:
    """The script for each node."""
    head = _HEAD.format(
        title="What a node says of its network, for `import`: addresses, routes, rules, settings.",
        archive=f"{NODE}-NAME.tar.gz",
        where=_NODE_WHERE,
        name=f"{NODE}-$(uname -n)",
        notes=NOTES,
        format=FORMAT,
        kind="node",
        about=ABOUT,
    )
    return f"{head}{_lines(NODE_FILES)}{_TAIL}"


def _lines(files: Iterable[Printed]) -> str:
    return "".join(f"collect {one.file} {one.command}{_else(one)}\n" for one in files)


def _else(one: Printed) -> str:
    return f" || collect {one.file} {one.otherwise}" if one.otherwise else ""
