"""A lab as a drawing: `to_svg` for people, `to_mermaid` for Markdown, `to_dot` for Graphviz."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from lab import printable
from lab.map.drawing.picture import picture
from lab.map.drawing.structure import Structure, addresses_of, host_end, service_lines, shown_pods, structure

if TYPE_CHECKING:
    from lab.map.labmap import LabMap
    from lab.map.place import Place

ORANGE = "#e8710a"


@dataclass(frozen=True, slots=True)
class _Item:
    """A box with lines of text; `kind` chooses its shape."""

    name: str
    lines: tuple[str, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    label: str
    items: tuple[_Item, ...]


@dataclass(frozen=True, slots=True)
class _Edge:
    one: str
    other: str
    label: str
    dashed: bool = False


def to_svg(lab: LabMap) -> str:
    """One self-contained SVG document."""
    return picture(lab).to_svg()


_MERMAID_SHAPES = {
    "subnet": ("([", "])"),
    "node": ("[", "]"),
    "pod": ("(", ")"),
    "machine": ("[[", "]]"),
    "tunnel": ("{{", "}}"),
    "service": (">", "]"),
}


def to_mermaid(lab: LabMap) -> str:
    """A Mermaid flowchart."""
    groups, items, edges = _graph(lab)
    ids = _numbered(groups, items)
    lines = ["flowchart TB"]

    def box(item: _Item) -> str:
        opening, closing = _MERMAID_SHAPES[item.kind]
        return f'{ids[item.name]}{opening}"{_mermaid(item.lines)}"{closing}'

    for group in groups:
        lines.append(f'  subgraph {ids[group.name]}["{_mermaid((group.label,))}"]')
        lines += [f"    {box(item)}" for item in group.items]
        lines.append("  end")
    lines += [f"  {box(item)}" for item in items]
    for edge in edges:
        arrow = "-.-" if edge.dashed else "---"
        label = f'|"{_mermaid((edge.label,))}"|' if edge.label else ""
        lines.append(f"  {ids[edge.one]} {arrow}{label} {ids[edge.other]}")
    dashed = [str(i) for i, edge in enumerate(edges) if edge.dashed]
    if dashed:
        lines.append(f"  linkStyle {','.join(dashed)} stroke:{ORANGE},stroke-width:2px")
        lines.append(f"  style {ids['tunnel']} stroke:{ORANGE}")
    return "\n".join(lines) + "\n"


_DOT_SHAPES = {
    "subnet": "shape=underline",
    "node": "shape=box style=bold",
    "pod": "shape=box style=rounded",
    "machine": "shape=box3d",
    "tunnel": f'shape=hexagon color="{ORANGE}"',
    "service": "shape=note",
}


def to_dot(lab: LabMap) -> str:
    """An undirected Graphviz graph."""
    groups, items, edges = _graph(lab)
    ids = _numbered(groups, items)
    lines = [
        f"graph {_dot((lab.lab,))} {{",
        '  node [fontname="sans-serif"]; edge [fontname="sans-serif" fontsize=10];',
    ]

    def box(item: _Item) -> str:
        return f"{ids[item.name]} [label={_dot(item.lines)} {_DOT_SHAPES[item.kind]}];"

    for group in groups:
        lines.append(f"  subgraph cluster_{ids[group.name]} {{ label={_dot((group.label,))};")
        lines += [f"    {box(item)}" for item in group.items]
        lines.append("  }")
    lines += [f"  {box(item)}" for item in items]
    for edge in edges:
        style = f' style=dashed color="{ORANGE}"' if edge.dashed else ""
        lines.append(f"  {ids[edge.one]} -- {ids[edge.other]} [label={_dot((edge.label,))}{style}];")
    return "\n".join([*lines, "}"]) + "\n"


def _graph(lab: LabMap) -> tuple[list[_Group], list[_Item], list[_Edge]]:
    """Groups, boxes outside of any group, and edges. Places keep their names; the rest have a word before theirs."""
    found = structure(lab)
    groups, edges = [], []
    for subnet, nodes in found.subnets:
        wire = _Item(f"wire {subnet.bridge}", (subnet.name, subnet.cidr), "subnet")
        inside = [wire]
        for node in nodes:
            inside.append(_box(node, "node"))
            pods, left_out = shown_pods(found, node.name)
            inside += [_box(pod, "pod") for pod in pods]
            edges += [_Edge(node.name, pod.name, host_end(pod)) for pod in pods]
            if left_out:
                inside.append(_Item(f"more {node.name}", (f"+ {left_out} more",), "pod"))
                edges.append(_Edge(node.name, f"more {node.name}", ""))
        groups.append(_Group(f"subnet {subnet.name}", f"{subnet.name} {subnet.cidr}", tuple(inside)))
    items = [_box(place, "machine") for place in found.machines]
    edges += _cables(found)
    if found.tunnel:
        items.append(_Item("tunnel", (found.tunnel.label,), "tunnel"))
        edges += [
            _Edge(node, "tunnel", f"{link.name} {link.address}", dashed=True)
            for node, link in found.tunnel.devices.items()
        ]
    services = tuple(_Item(f"service {one.full_name}", service_lines(one), "service") for one in lab.services)
    if services:
        groups.append(_Group("services", "Services", services))
    return groups, items, edges


def _box(place: Place, kind: str) -> _Item:
    unready = () if place.ready else ("not ready",)
    return _Item(place.name, (place.name, *addresses_of(place), *unready), kind)


def _cables(found: Structure) -> list[_Edge]:
    """Every cable into a subnet; machines on a segment that is no subnet are joined directly."""
    wires = {subnet.bridge for subnet, _ in found.subnets}
    edges = [_Edge(one.place, f"wire {one.segment}", one.link.name) for one in found.cables if one.segment in wires]
    for ends in found.between_machines():
        edges += [
            _Edge(one.place, other.place, f"{one.link.name} - {other.link.name}") for one, other in pairwise(ends)
        ]
    return edges


def _numbered(groups: list[_Group], items: list[_Item]) -> dict[str, str]:
    """Identifiers without any letter that means something in Mermaid or DOT."""
    names = [name for group in groups for name in (group.name, *(item.name for item in group.items))]
    return {name: f"n{i}" for i, name in enumerate([*names, *(item.name for item in items)])}


_ENTITIES = {'"': "#quot;", "#": "#35;", "&": "#amp;", "<": "#lt;", ">": "#gt;", "`": "#96;", "|": "#124;"}


def _mermaid(lines: tuple[str, ...]) -> str:
    """Inside double quotes Mermaid takes entity codes for what would end the text or begin markup."""
    shown = map(printable.line, lines)
    return "<br/>".join("".join(_ENTITIES.get(letter, letter) for letter in line) for line in shown)


def _dot(lines: tuple[str, ...]) -> str:
    """A DOT string: only backslash and double quote mean something in it."""
    shown = map(printable.line, lines)
    return '"' + "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in shown) + '"'
