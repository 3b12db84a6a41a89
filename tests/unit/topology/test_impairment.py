"""What a link does to packets, as tc says it: read, told again, and refused where it cannot be."""

from __future__ import annotations

import pytest

from lab.topology import load_topology
from lab.topology.impairment import Impairment, ImpairmentError

FILE = """\
apiVersion: hoplab/v1
kind: Topology
metadata: {name: bad-line}
spec:
  links:
    - {on: node-0/eth0, loss: 1%, delay: 20ms}
    - {on: node-1/eth0, rate: 10mbit}
"""


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("delay", "20ms", "delay 20ms"),
        ("delay", "1500us", "delay 1.5ms"),
        ("delay", "300", "delay 300us"),
        ("delay", "0.25s", "delay 250ms"),
        ("loss", "1%", "loss 1%"),
        ("loss", "0.1", "loss 0.1%"),
        ("rate", "10mbit", "rate 10mbit"),
        ("rate", "10Mbit", "rate 10mbit"),
        ("rate", "1mbps", "rate 8mbit"),
        ("rate", "1500kbit", "rate 1500kbit"),
        ("rate", "1mibit", "rate 1048576bit"),
    ],
)
def test_numbers_and_units_are_tcs(field: str, text: str, said: str) -> None:
    assert Impairment.read({field: text}).words == said


@pytest.mark.parametrize(
    ("given", "field", "told"),
    [
        ({"loss": "200%"}, "loss", "between 0% and 100%"),
        ({"loss": "-1%"}, "loss", "between 0% and 100%"),
        ({"loss": "a lot"}, "loss", "write it as 1%"),
        ({"rate": "-10mbit"}, "rate", "between 1kbit and 30gbit"),
        ({"rate": "1tbit"}, "rate", "units are bit, kbit"),
        ({"delay": "2min"}, "delay", "units are us"),
        ({"delay": "2000s"}, "delay", "between 0 and 60s"),
        ({"jitter": "5ms"}, "jitter", "give both"),
        ({"delay": "5ms", "jitter": "20ms"}, "jitter", "make it smaller"),
        ({"reorder": "25%"}, "reorder", "give both"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field_and_limit(given: dict[str, str], field: str, told: str) -> None:
    with pytest.raises(ImpairmentError) as refused:
        Impairment.read(given)
    assert refused.value.field == field
    assert told in refused.value.remedy


def test_all_of_it_in_the_words_of_netem() -> None:
    given = {"loss": "1%", "delay": "20ms", "jitter": "5ms", "rate": "10mbit"}
    made = Impairment.read({**given, "duplicate": "2%", "reorder": "25%", "corrupt": "0.1%"})
    assert made.words == "delay 20ms 5ms loss 1% duplicate 2% reorder 25% corrupt 0.1% rate 10mbit"
    assert made.needs_netem == ("delay", "jitter", "duplicate", "reorder", "corrupt")
    assert not Impairment.read({"loss": "0"}), "nothing is lost"


def test_a_link_of_a_file_knows_its_line() -> None:
    first, second = load_topology(FILE, "here/bad-line.yaml", lambda _: "").topology.spec.links
    assert (first.impairment.words, first.origin) == ("delay 20ms loss 1%", "bad-line.yaml:6")
    assert (second.impairment.words, second.origin) == ("rate 10mbit", "bad-line.yaml:7")
