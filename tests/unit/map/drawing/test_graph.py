"""Pictures of labs: everything is named in them, nothing stands on anything else, and other programs can read them."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET  # the documents are our own
from itertools import combinations, count, pairwise
from typing import NamedTuple

import pytest

from lab.map.drawing.graph import to_dot, to_mermaid, to_svg
from lab.map.drawing.svg import Font
from lab.map.labmap import LabMap
from lab.map.place import Link, Place, Subnet, Way
from lab.map.services import Endpoint, Service, ServicePort
from lab.network.place_names import UNDERLAY

SVG = "{http://www.w3.org/2000/svg}"


def sketch(
    subnets: dict[str, tuple[str, ...]],
    *,
    routers: dict[str, tuple[str, ...]] | None = None,
    pods: int = 2,
    services: tuple[Service, ...] = (),
    encapsulation: str = "VXLANCrossSubnet",
    name: str = "sketch",
    namespace: str = "namespace001",
) -> LabMap:
    """A lab in Calico's shape: subnets with their nodes, so many pods on each, a gateway behind the first router."""
    routers = routers or {"router": tuple(subnets)}
    places: list[Place] = []
    ports: list[Link] = []
    number, serial = count(), count(2)
    where = {node: subnet for subnet, nodes in subnets.items() for node in nodes}
    block = {node: i for i, node in enumerate(where)}

    def plug(place: str, device: str, segment: str, *addresses: str) -> Link:
        ports.append(Link(f"{place[:8]}.{device}", "veth", master=segment, peer_place=place, peer_name=device))
        return Link(device, "veth", addresses=addresses)

    def tunnel_address(node: str) -> str:
        return f"10.244.{block[node]}.0"

    for i, (subnet, nodes) in enumerate(subnets.items(), start=1):
        for j, node in enumerate(nodes):
            local = f"10.0.{i}.{10 + j}"
            tunnel = Link(
                "vxlan.calico", "vxlan", "", (f"{tunnel_address(node)}/32",), local=local, vni=4096, port=4789
            )
            far = [
                Way(f"10.244.{block[one]}.0/26", tunnel_address(one), "vxlan.calico")
                for one in where
                if where[one] != subnet
            ]
            eth0 = plug(node, "eth0", subnet, f"{local}/24")
            places.append(Place(node, "node", subnets=(subnet,), links=(eth0, tunnel), routes=tuple(far)))
            for _ in range(pods):
                serving = next(number)
                held = (f"10.244.{block[node]}.{next(serial) % 250}/32",)
                end = Link("eth0", "veth", addresses=held, peer_place=node, peer_name=f"cali{serving:011x}")
                places.append(Place(f"{namespace}/pod-{serving}", "pod", node, ready=serving != 1, links=(end,)))
    for router, joined in routers.items():
        links = [
            plug(
                router,
                f"eth{i}",
                subnet,
                f"10.0.{list(subnets).index(subnet) + 1}.{list(routers).index(router) + 1}/24",
            )
            for i, subnet in enumerate(joined)
        ]
        if router == next(iter(routers)):
            links.append(plug(router, f"eth{len(joined)}", "transit", "192.168.255.2/29"))
        places.append(Place(router, "router", subnets=joined, links=tuple(links)))
    transit = plug("gateway", "eth0", "transit", "192.168.255.1/29")
    outside = plug("gateway", "eth1", "internet", "203.0.113.1/24")
    places.append(Place("gateway", "gateway", links=(transit, outside)))
    web = plug("internet", "eth0", "internet", "203.0.113.53/24", "203.0.113.80/24")
    places.append(Place("internet", "internet", links=(web,)))
    places.append(Place(UNDERLAY, UNDERLAY, links=tuple(ports)))
    return LabMap(
        lab=name,
        encapsulation=encapsulation,
        subnets=tuple(Subnet(one, f"10.0.{i}.0/24", one) for i, one in enumerate(subnets, start=1)),
        places=tuple(places),
        services=services,
    )


def service(name: str, endpoints: int) -> Service:
    behind = tuple(Endpoint(f"10.244.0.{60 + i}", 8080, f"namespace001/pod-{i}") for i in range(endpoints))
    return Service("namespace001", name, "172.16.10.10", ports=(ServicePort(80, "TCP", "http", endpoints=behind),))


DNS = Service(
    "kube-system", "kube-dns", "172.16.0.10", ports=(ServicePort(53, "UDP", "dns"), ServicePort(53, "TCP", "dns-tcp"))
)
TWO_SUBNET = sketch(
    {"subnet-a": ("node-0", "node-1"), "subnet-b": ("node-2",)},
    name="two-subnet",
    services=(
        DNS,
        service("myapp", 2),
        Service("namespace001", "outside", type="ExternalName", external_name="www.example.com"),
    ),
)
LABS = {
    "two-subnet": TWO_SUBNET,
    "three-subnet": sketch(
        {"subnet-a": ("node-0",), "subnet-b": ("node-1", "node-2"), "subnet-c": ("node-3",)},
        routers={"router-1": ("subnet-a", "subnet-b"), "router-2": ("subnet-b", "subnet-c")},
        services=(DNS, service("myapp", 5)),
    ),
    "single-node": sketch({"subnet-a": ("node-0",)}, services=(DNS,)),
    "twelve nodes": sketch(
        {
            "subnet-a": tuple(f"node-{i}" for i in range(6)),
            "subnet-b": tuple(f"node-{i}" for i in range(6, 12)),
        },
        pods=5,
        services=tuple(service(f"app-{i}", i) for i in range(14)),
    ),
    "many pods": sketch({"subnet-a": ("node-0", "node-1")}, pods=33),
    "empty nodes": sketch({"subnet-a": ("node-0", "node-1"), "subnet-b": ()}, pods=0),
    "long names": sketch(
        {"s" * 63: ("n" * 63,), "t" * 63: ("m" * 63,)}, routers={"r" * 63: ("s" * 63, "t" * 63)}, namespace="w" * 63
    ),
}


class Frame(NamedTuple):
    """The room that a text takes, a little less than drawn so that neighbours may touch."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Frame) -> bool:
        aside = self.right <= other.left or other.right <= self.left
        above = self.bottom <= other.top or other.bottom <= self.top
        return not aside and not above


def shown(text: ET.Element) -> str:
    """What is to be read, without the title that a pointer shows."""
    title = text.find(f"{SVG}title")
    return (text.text or "") + ("" if title is None else title.tail or "")


def frames(svg: str) -> list[Frame]:
    found = []
    for text in ET.fromstring(svg).iter(f"{SVG}text"):  # noqa: S314
        x, y, size = float(text.attrib["x"]), float(text.attrib["y"]), int(text.attrib["font-size"])
        width = Font(size, text.attrib.get("class", "")).width(shown(text))
        found.append(Frame(shown(text), x, y - 0.8 * size, x + width, y + 0.2 * size))
    return found


@pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
def test_no_text_stands_on_another(lab: LabMap) -> None:
    for one, other in combinations(frames(to_svg(lab)), 2):
        assert not one.overlaps(other), f"{one} is drawn over {other}"


@pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
def test_every_text_lies_in_the_picture_and_can_be_read(lab: LabMap) -> None:
    svg = to_svg(lab)
    root = ET.fromstring(svg)  # noqa: S314
    for frame in frames(svg):
        assert frame.left >= 0, frame
        assert frame.top >= 0, frame
        assert frame.right <= float(root.attrib["width"]), f"{frame} runs out of the picture"
        assert frame.bottom <= float(root.attrib["height"]), f"{frame} runs out of the picture"
    assert min(int(text.attrib["font-size"]) for text in root.iter(f"{SVG}text")) >= 12


@pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
def test_no_line_crosses_a_text(lab: LabMap) -> None:
    svg = to_svg(lab)
    for line in ET.fromstring(svg).iter(f"{SVG}polyline"):  # noqa: S314
        points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        for (x1, y1), (x2, y2) in pairwise(points):
            stroke = Frame("line", min(x1, x2) - 1, min(y1, y2) - 1, max(x1, x2) + 1, max(y1, y2) + 1)
            for frame in frames(svg):
                assert not frame.overlaps(stroke), f"a {line.attrib['class']} line runs through {frame}"


def test_two_subnet_names_everything() -> None:
    words = " ".join(frame.text for frame in frames(to_svg(TWO_SUBNET)))
    for place in TWO_SUBNET.places:
        if place.kind != UNDERLAY:
            assert place.name in words
            for link in place.links:
                for address in link.addresses:
                    assert address.removesuffix("/32") in words, f"{place.name} {link.name}"
    for subnet in TWO_SUBNET.subnets:
        assert f"{subnet.name} {subnet.cidr}" in words
    assert "172.16.10.10:80/TCP → pod-0 10.244.0.60:8080 → pod-1 10.244.0.61:8080" in words
    assert "→ nobody is ready" in words, "kube-dns has no endpoints in this sketch"
    assert "VXLAN, VNI 4096, UDP port 4789: tunnel between nodes of different subnets" in words


def test_every_place_can_be_found_by_whoever_draws_upon_the_picture() -> None:
    boxes = ET.fromstring(to_svg(TWO_SUBNET)).iter(f"{SVG}rect")  # noqa: S314
    found = {box.attrib["data-place"] for box in boxes if "data-place" in box.attrib}
    assert found == {place.name for place in TWO_SUBNET.places if place.kind != UNDERLAY}


def tunnel_lines(svg: str) -> int:
    return sum(line.attrib["class"] == "tunnel" for line in ET.fromstring(svg).iter(f"{SVG}polyline"))  # noqa: S314


def test_the_tunnel_is_drawn_where_routes_lead_through_it() -> None:
    assert tunnel_lines(to_svg(TWO_SUBNET)) == 3 + 1, "a branch for each node and the line that joins them"
    assert tunnel_lines(to_svg(LABS["single-node"])) == 0, "a tunnel device that carries nothing is no tunnel"


def test_of_many_pods_the_first_are_shown_and_the_others_counted() -> None:
    words = [frame.text for frame in frames(to_svg(LABS["many pods"]))]
    assert sum(word.startswith("namespace001/") for word in words) == 12
    assert words.count("+ 27 more") == 2
    assert to_mermaid(LABS["many pods"]).count("+ 27 more") == 2


def test_long_names_are_cut_but_not_lost() -> None:
    svg = to_svg(LABS["long names"])
    assert f"<title>{'n' * 63}</title>" in svg
    assert "nnn…" in svg


HOSTILE = sketch({'a"]<b>&': ('"; rm -rf', "x|y`#{}")}, name='<script>"\\', namespace="<&>\"'")


def test_names_are_never_markup() -> None:
    words = " ".join(frame.text for frame in frames(to_svg(HOSTILE)))
    for name in ('a"]<b>&', '"; rm -rf', "x|y`#{}", '<script>"\\', "<&>\"'/pod-0"):
        assert name in words
    assert "<script" not in to_svg(HOSTILE)


MERMAID_LINE = re.compile(
    r"""flowchart\ TB
    | \ +subgraph\ n\d+\["[^"]*"\]
    | \ +end
    | \ +n\d+ (\["[^"]*"\] | \("[^"]*"\) | \(\["[^"]*"\]\) | \[\["[^"]*"\]\] | \{\{"[^"]*"\}\} | >"[^"]*"\])
    | \ +n\d+\ (---|-\.-) (\|"[^"|]*"\|)? \ n\d+
    | \ +linkStyle\ [\d,]+\ stroke:\#\w+,stroke-width:2px
    | \ +style\ n\d+\ stroke:\#\w+""",
    re.VERBOSE,
)


@pytest.mark.parametrize("lab", [*LABS.values(), HOSTILE], ids=[*LABS, "hostile names"])
def test_mermaid_is_well_formed(lab: LabMap) -> None:
    lines = to_mermaid(lab).splitlines()
    for line in lines:
        assert MERMAID_LINE.fullmatch(line), f"Mermaid would not read: {line}"
    assert sum("subgraph" in line for line in lines) == sum(line.strip() == "end" for line in lines)
    edges = [line for line in lines if re.search(r" (---|-\.-)", line)]
    dashed = [str(i) for i, line in enumerate(edges) if "-.-" in line]
    styled = [line.split()[1] for line in lines if "linkStyle" in line]
    assert styled == ([",".join(dashed)] if dashed else []), "the orange edges are the tunnel's"


@pytest.mark.parametrize("lab", [*LABS.values(), HOSTILE], ids=[*LABS, "hostile names"])
def test_graphviz_reads_it(lab: LabMap) -> None:
    dot = shutil.which("dot")
    if dot is None:
        pytest.skip("Graphviz is not installed")
    done = subprocess.run([dot, "-Tplain"], input=to_dot(lab), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_dot_names_everything_and_draws_the_tunnel_in_orange() -> None:
    dot = to_dot(TWO_SUBNET)
    for place in TWO_SUBNET.places:
        if place.kind != UNDERLAY:
            assert place.name in dot
    assert dot.count('style=dashed color="#e8710a"') == 3
