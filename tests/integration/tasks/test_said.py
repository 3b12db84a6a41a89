"""What the programs of a place have said last, as whoever explains a failure asks the agent for it."""

from __future__ import annotations

from lab.agent.client import calls
from tests.integration.labs import standing


def test_the_last_lines_of_a_dns_server_are_read_with_their_times() -> None:
    with standing("minimal") as one, calls.connect(one.name) as connected:
        said = connected.request("said", place="kube-system/dns-0", lines=50)
        assert [*said] == ["dnsmasq"]
        assert any("started, version" in line for _, line in said["dnsmasq"])
        assert all(time.startswith("20") and time.endswith("Z") for time, _ in said["dnsmasq"])
        assert len(connected.request("said", place="kube-system/dns-0", lines=1)["dnsmasq"]) == 1
        assert connected.request("said", place="nowhere", lines=1) == {}
