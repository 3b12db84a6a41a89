"""A packet's layers and fields are scapy's; what cannot be is refused where it stands, with what would be right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scapy.config import conf
from scapy.layers.dns import DNS
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.layers.vxlan import VXLAN

from lab.errors import UsageError
from lab.map.labmap import LabMap
from lab.map.place import Link, Place
from lab.trace.ask.crafted.layers import LAYERS
from lab.trace.ask.crafted.written import Crafting

NODES = tuple(
    Place(
        f"node-{number}",
        "node",
        links=(
            Link("eth0", "veth", mac=f"02:00:00:00:00:0{number}", addresses=(f"10.0.1.1{number}/24",)),
            Link("vxlan.calico", "vxlan", mac=f"66:00:00:00:00:0{number}", vni=4096, port=4789),
        ),
    )
    for number in range(2)
)
LABMAP = LabMap("test", places=NODES)


class Outlook:
    """A place with one interface, whose next hop is the router."""

    interfaces = ("eth0",)

    def source(self, destination: str) -> str:
        return "10.244.0.0" if destination.startswith("10.244.") else "10.0.1.10"

    def way(self, destination: str) -> tuple[str, str]:
        return "eth0", destination if destination.startswith("10.0.1.") else "10.0.1.1"

    def mac(self, interface: str) -> str:
        return "02:00:00:00:00:00" if interface == "eth0" else ""

    def neighbour(self, interface: str, address: str) -> str:
        return {("eth0", "10.0.1.1"): "02:00:00:00:00:fe"}.get((interface, address), "")


@contextmanager
def look(_place: str) -> Iterator[Outlook]:
    yield Outlook()


def claim(_protocol: str, wanted: int) -> int:
    return wanted or 40_000


def crafting(text: str) -> Crafting:
    return Crafting(text, LABMAP, look)


def test_what_is_left_out_is_the_places() -> None:
    frame = crafting('IP(dst="10.9.9.9")/TCP(dport=80, flags="S")').frame("node-0", claim)
    sent = IP(frame.data)
    assert frame.routed
    assert (sent.src, sent[TCP].sport, sent[TCP].flags) == ("10.0.1.10", 40_000, "S")
    assert sent[TCP].chksum == IP(bytes(IP(src="10.0.1.10", dst="10.9.9.9") / sent[TCP]))[TCP].chksum
    assert (frame.packet.protocol, frame.packet.dport) == ("tcp", 80)


def test_what_is_said_stays() -> None:
    text = 'Ether(dst="02:00:00:00:00:09")/IP(src="1.2.3.4",dst="10.9.9.9",ttl=3,chksum=7)/UDP(sport=53,dport=9)/"x"'
    frame = crafting(text).frame("node-0", claim)
    sent = Ether(frame.data)
    assert not frame.routed
    assert (frame.interface, sent.src, sent.dst) == ("eth0", "02:00:00:00:00:00", "02:00:00:00:00:09")
    assert (sent[IP].src, sent[IP].ttl, sent[IP].chksum, sent[UDP].sport) == ("1.2.3.4", 3, 7, 53)
    assert bytes(sent[UDP].payload) == b"x"


def test_a_number_by_which_it_is_known_is_given_where_none_is_written() -> None:
    text = 'IP(dst="10.9.9.9"{})/ICMP()'
    frames = [crafting(text.format("")).frame("node-0", claim) for _ in range(8)]
    assert len({frame.packet.ident for frame in frames}) > 1, "by chance"
    assert all(IP(frame.data).id == frame.packet.ident != 0 for frame in frames)
    assert crafting(text.format(",id=7")).frame("node-0", claim).packet.ident == 7


def test_a_frames_next_hop_is_asked_for() -> None:
    assert Ether(crafting('Ether()/IP(dst="10.9.9.9")/ICMP()').frame("node-0", claim).data).dst == "02:00:00:00:00:fe"


@pytest.mark.parametrize(
    "text",
    [
        'IP(dst="10.9.9.9")/GRE()/Ether()/IP(dst="192.0.2.1")',
        'Ether(dst="02:00:00:00:00:09")/IP(dst="10.9.9.9")/GRE()/Ether()/ARP(pdst="192.0.2.1")',
        'IP(dst="10.9.9.9")/UDP(dport=4789)/VXLAN()/Ether()/Ether()/IP(dst="192.0.2.1")',
    ],
)
def test_nothing_is_asked_of_the_machine_that_builds_it(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a frame within another scapy would ask the machine's own neighbours, with its own address."""

    def asked(*_: object, **__: object) -> None:
        raise AssertionError("the machine's own routes were asked for")

    monkeypatch.setattr(conf.route, "route", asked)
    sent = crafting(text).frame("node-0", claim).data
    assert b"\xff" * 6 + bytes(6) in sent, "it is for all, from nobody"


def test_arp_is_asked_of_all() -> None:
    sent = Ether(crafting('ARP(pdst="10.0.1.11")').frame("node-0", claim).data)
    assert (sent.dst, sent[ARP].psrc, sent[ARP].hwsrc) == ("ff:ff:ff:ff:ff:ff", "10.0.1.10", "02:00:00:00:00:00")


def test_a_tunnels_packet_has_the_tunnels_own_number_and_macs() -> None:
    made = crafting('IP(dst="10.0.1.11")/UDP(dport=4789)/VXLAN()/Ether()/IP(dst="10.244.0.65")/ICMP()')
    sent = IP(made.frame("node-0", claim).data)
    assert (sent[VXLAN].vni, sent[VXLAN].flags) == (4096, 8)
    assert (sent[Ether].src, sent[Ether].dst) == ("66:00:00:00:00:00", "66:00:00:00:00:01")
    assert sent[VXLAN][IP].src == "10.244.0.0"
    assert (made.followed.dst, made.followed.outer and made.followed.outer.dst) == ("10.244.0.65", "10.0.1.11")
    assert made.outer_destination == "10.0.1.11"


def test_questions_options_names_and_flags() -> None:
    text = 'IP(dst="10.9.9.9",flags="DF+MF",proto="udp")/UDP()/DNS(rd=1,qd=DNSQR(qname="a.b",qtype="AAAA"))'
    sent = IP(crafting(text).frame("node-0", claim).data)
    assert (sent[DNS].qd[0].qname, sent[DNS].qd[0].qtype, str(sent.flags)) == (b"a.b.", 28, "MF+DF")
    text = 'IP(dst="10.9.9.9")/TCP(dport=80,flags="SA",options=[("MSS",1400),("NOP",),("SAckOK",""),("Timestamp",1,2)])'
    assert IP(crafting(text).frame("node-0", claim).data)[TCP].options[:2] == [("MSS", 1400), ("NOP", None)]


@pytest.mark.parametrize(
    ("text", "told", "remedy"),
    [
        ('IPv4(dst="10.9.9.9")', "1:1: unknown layer 'IPv4'", "did you mean"),
        ('IPv6(dst="::1")', "1:1: unknown layer 'IPv6'", "IPv4 addresses only"),
        ('IP(dst="10.9.9.9")/TPC()', "1:20: unknown layer 'TPC'", "did you mean 'TCP'?"),
        ('IP(dst="10.9.9.9")/os()', "1:20: unknown layer 'os'", "the layers: Ether, "),
        ('IP(dts="10.9.9.9")', "1:4: IP has no field 'dts'", "did you mean 'dst'?"),
        ('IP(dst="10.9.9.9",__class__=1)', "1:19: IP has no field '__class__'", "IP has version, "),
        ('IP(dst="10.9.9.9",_pkt=b"")', "1:19: IP has no field '_pkt'", "IP has version, "),
        ('IP(dst="10.9.9.9",dst="10.9.9.8")', "1:19: dst of IP is said twice", "once"),
        ('IP("10.9.9.9")', "1:4: a value of IP without its field", "with a name of version, "),
        ("IP(dst=10)", "1:8: dst of IP: the number 10 is no address", "in quotes"),
        ('IP(dst="myapp")', "1:8: dst of IP: 'myapp' is no IPv4 address", "names are not asked for"),
        ('IP(dst="10.9.9.0/24")', "1:8: dst of IP: '10.9.9.0/24' is no IPv4 address", ""),
        ('IP(dst="fd00::1")', "1:8: dst of IP: 'fd00::1' looks like an IPv6", "IPv4 addresses only"),
        ('IP(dst=["10.9.9.9"])', "1:8: dst of IP: a list: a trace follows one packet", "one value"),
        ('IP(dst="10.9.9.9",ttl=256)', "1:23: ttl of IP: 256 does not fit", "0 to 255"),
        ('IP(dst="10.9.9.9",ttl="64")', "1:23: ttl of IP: the text '64' is no number", "without quotes"),
        ('IP(dst="10.9.9.9",proto="tpc")', "1:25: proto of IP: unknown name 'tpc'", "did you mean"),
        ('IP(dst="10.9.9.9",options=[])', "1:27: options of IP: cannot be given here", "leave it out"),
        ('IP(dst="10.9.9.9",chksum=1)', "1:19: the kernel makes chksum itself", "Ether()/IP(…)"),
        (
            'IP(dst="10.9.9.9")/TCP(dport=[80,81])',
            "1:30: dport of TCP: a list: a trace follows one packet",
            "one value",
        ),
        ('IP(dst="10.9.9.9")/TCP(dport=70000)', "1:30: dport of TCP: 70000 does not fit", "0 to 65535"),
        ('IP(dst="10.9.9.9")/TCP(flags="SX")', "1:30: flags of TCP: no flag is called 'X'", "F, S, R, "),
        ('IP(dst="10.9.9.9")/TCP(flags=b"S")', "1:30: flags of TCP: bytes ('S') is no flags", ""),
        ('IP(dst="10.9.9.9")/TCP(options=[("MSX",1)])', "1:32: options of TCP: one of the options is none", "MSS"),
        ('IP(dst="10.9.9.9")/UDP()/DNS(qd="a")', "1:33: qd of DNS: the text 'a' is no question", "DNSQR("),
        ('IP(dst="10.9.9.9")/UDP()/DNS(qd=DNSQR(qname="a..b"))', "1:45: qname of DNSQR: the text 'a..b' is no DNS", ""),
        ('Ether(src="02:00")/IP(dst="10.9.9.9")', "1:11: src of Ether: the text '02:00' is no MAC", ""),
        ('TCP(dport=80)/IP(dst="10.9.9.9")', "1:1: a packet cannot begin with TCP", "Ether(), ARP(), IP()"),
        ('"hello"/IP(dst="10.9.9.9")', "1:1: a packet cannot begin with a text", ""),
        ("IP()/TCP(dport=80)", "1:1: IP has no dst", 'dst="'),
        ("ARP()", "1:1: ARP has no pdst", 'pdst="'),
        ('ARP(plen=47,pdst="10.9.9.9")', "1:1: ARP of other than IPv4 on Ethernet cannot be followed", "leave out"),
        ('IP(dst="10.9.9.9")/ARP(ptype=1,pdst="10.9.9.9")', "1:20: ARP of other than IPv4", "leave out"),
        ('Ether()/"hello"', "1:1: there is neither IP nor ARP in it", ""),
        ('IP(dst="10.9.9.9")/Raw(1)', "1:24: load of Raw: the number 1 is no text", ""),
        ('IP(dst="10.9.9.9")/"' + "x" * 70_000 + '"', "bytes are too many", "65535"),
    ],
)
def test_what_cannot_be_is_refused_where_it_stands(text: str, told: str, remedy: str) -> None:
    with pytest.raises(UsageError) as refused:
        crafting(text)
    assert told in refused.value.message
    assert remedy in refused.value.hint
    assert len(refused.value.message) < 200


VALUES = st.sampled_from(
    [
        "0",
        "1",
        "255",
        "65536",
        '"10.9.9.9"',
        '"S"',
        "b'x'",
        "[]",
        "[1]",
        "()",
        "DNSQR()",
        '("MSS",1)',
        '"udp"',
        '"\\x00"',
    ]
)
FIELDS = {name: [one.name for one in kind.fields_desc] for name, kind in LAYERS.items()}


@st.composite
def expressions(draw: st.DrawFn) -> str:
    def layer() -> str:
        name = draw(st.sampled_from(sorted(LAYERS)))
        chosen = draw(st.lists(st.sampled_from(FIELDS[name]), max_size=3, unique=True))
        return f"{name}({', '.join(f'{field}={draw(VALUES)}' for field in chosen)})"

    return "/".join(['IP(dst="10.9.9.9")', *(layer() for _ in range(draw(st.integers(0, 4))))])


@given(expressions())
@example(r'IP(dst="10.9.9.9")/IP(src="\x00")')
def test_whatever_scapy_can_be_asked_for_is_built_or_refused(text: str) -> None:
    try:
        made = crafting(text)
    except UsageError as refused:
        assert refused.message.startswith("--packet")
    else:
        assert made.frame("node-0", claim).data
