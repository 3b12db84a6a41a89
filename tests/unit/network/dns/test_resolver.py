"""resolv.conf and hosts as text: read as glibc reads them, written as a container runtime does."""

from __future__ import annotations

import pytest

from lab.network.dns.resolver import HostsEntry, Resolver, address_in_hosts, hosts_entries

POD = Resolver(("172.16.0.10",), ("ns.svc.cluster.local", "svc.cluster.local", "cluster.local"), ("ndots:5",))


def test_what_is_written_is_read_again() -> None:
    assert Resolver.from_text(POD.to_text()) == POD


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", Resolver()),
        ("# a\n; b\nnameserver 10.0.0.1 # here\n", Resolver(("10.0.0.1",))),
        ("search a b\ndomain c d\n", Resolver(search=("c",))),
        ("domain c\nsearch a b\n", Resolver(search=("a", "b"))),
        ("options ndots:2\noptions rotate timeout:1\n", Resolver(options=("ndots:2", "rotate", "timeout:1"))),
    ],
)
def test_the_last_search_list_counts_and_options_add_up(text: str, read: Resolver) -> None:
    assert Resolver.from_text(text) == read


def test_without_a_search_list_the_host_names_domain_is_searched() -> None:
    assert Resolver.from_text("nameserver 10.0.0.1\n", "web-0.web.ns.svc.cluster.local").search == (
        "web.ns.svc.cluster.local",
    )
    assert Resolver.from_text("search a\n", "web-0.web").search == ("a",)


def test_options_have_defaults_and_limits_and_the_last_counts() -> None:
    assert (Resolver().ndots, Resolver().timeout, Resolver().attempts) == (1, 5, 2)
    told = Resolver(options=("ndots:2", "ndots:99", "timeout:60", "attempts:9", "edns0"))
    assert (told.ndots, told.timeout, told.attempts) == (15, 30, 5)
    assert Resolver(options=("ndots:many",)).ndots == 1


def test_three_nameservers_count_and_without_one_the_machine_itself_is_asked() -> None:
    assert Resolver(("1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4")).asked == ("1.1.1.1", "2.2.2.2", "3.3.3.3")
    assert Resolver().asked == ("127.0.0.1",)


def test_a_name_with_few_dots_is_searched_first() -> None:
    assert POD.candidates("web") == ("web.ns.svc.cluster.local", "web.svc.cluster.local", "web.cluster.local", "web")
    assert POD.candidates("a.b.c.d.e.f")[0] == "a.b.c.d.e.f"
    assert POD.candidates("web.") == ("web",)
    assert Resolver(search=("a",)).candidates("x.y") == ("x.y", "x.y.a")
    assert Resolver(search=(".",)).candidates("web") == ("web",)


def test_hosts_are_read_without_comments_and_case() -> None:
    text = "# a\n127.0.0.1 localhost\n::1 localhost db\n\n10.0.0.9\tdb.example.com db # x\n10.0.0.8 db\nbad\n"
    entries = tuple(hosts_entries(text))
    assert entries[-1] == HostsEntry("10.0.0.8", ("db",))
    assert address_in_hosts(entries, "DB.") == "10.0.0.9"
    assert address_in_hosts(entries, "web") == ""


def test_how_long_a_program_waits_before_it_gives_up() -> None:
    """As measured with glibc 2.36: 20 s for a searched name, of which the second half is for the name as it stands."""
    assert POD.gives_up("web", "web.ns.svc.cluster.local") == 20
    assert POD.gives_up("web.", "web") == 10
    assert POD.gives_up("a.b.c.d.e.f", "a.b.c.d.e.f") == 10
    assert POD.patience_with_one == 15
    impatient = Resolver(("10.0.0.1",), ("a",), ("timeout:1", "attempts:1"))
    assert impatient.gives_up("x.y.", "x.y") == 1
    assert Resolver(("1.1.1.1", "2.2.2.2", "3.3.3.3")).patience == 2 * (5 + 3 + 6)


def test_what_is_asked_for_and_how() -> None:
    assert (Resolver().families, Resolver().by_tcp) == (2, False)
    told = Resolver(options=("no-aaaa", "use-vc"))
    assert (told.families, told.by_tcp) == (1, True)
