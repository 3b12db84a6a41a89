"""Which of a DNS server's last lines are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lab.errors import LabError
from lab.trace.explain.server_log import last_words
from lab.trace.journey import Resolution
from tests.unit.trace.recordings import journey, labmap

SAID = {
    "coredns": [
        ("09:00:01", "[INFO] plugin/reload: Running configuration"),
        ("09:00:02", "[ERROR] plugin/errors: 2 nobody. A: read udp 10.244.0.1:1->203.0.113.53:53: i/o timeout"),
        ("09:00:02", "[ERROR] plugin/errors: 2 nobody. A: read udp 10.244.0.1:1->203.0.113.53:53: i/o timeout"),
    ]
}


class Agent:
    def __init__(self, said: dict[str, list[tuple[str, str]]] | None) -> None:
        self._said = said

    def request(self, operation: str, *_: object, **parameters: Any) -> Any:
        assert (operation, parameters["place"]) == ("said", "kube-system/dns-0")
        if self._said is None:
            raise LabError("gone")
        return self._said


def told(said: dict[str, list[tuple[str, str]]] | None, name: str = "nobody") -> str:
    one = replace(journey("unresolved"), resolution=Resolution(name, "SERVFAIL", (), 1))
    assert one.lost is not None
    return last_words(Agent(said), labmap("two-subnet"), one, one.lost)


def test_what_is_about_the_question_or_alarming_is_told_once() -> None:
    assert told(SAID) == f" kube-system/dns-0 said last: {SAID['coredns'][1][1]}."
    loop = {"dnsmasq": [("", "dnsmasq[1]: Maximum number of concurrent DNS queries reached (max: 150)")]}
    assert "Maximum number" in told(loop)
    assert told({"dnsmasq": [("", "dnsmasq[1]: query[A] Nobody from 10.244.0.2")]}).endswith("from 10.244.0.2.")


MISTAKE = "[ERROR] Restart failed: /etc/coredns/Corefile:13 - Error during parsing: Unknown directive 'forwrad'"
AFTER = "[INFO] Reloading complete"
ANOTHERS = "[ERROR] plugin/errors: 2 other. AAAA: read udp 10.244.0.1:1->203.0.113.53:53: i/o timeout"
LOOP = "[ERROR] plugin/errors: 5 2817.1290. HINFO: concurrent queries exceeded maximum 1000"


def test_what_is_over_or_about_another_question_is_not_told() -> None:
    assert "forwrad" in told({"coredns": [("", MISTAKE)]}), "the old configuration is still the one that counts"
    assert told({"coredns": [("", MISTAKE), ("", AFTER)]}) == ""
    assert told({"coredns": [("", ANOTHERS)]}) == ""
    assert "HINFO" in told({"coredns": [("", ANOTHERS), ("", LOOP)]}), "it asks itself whether it goes in circles"


def test_the_rest_is_not() -> None:
    assert told({"dnsmasq": [("", "dnsmasq[1]: compile time options: loop-detect"), ("", "started")]}) == ""
    assert told({}) == ""
    assert told(None) == ""
