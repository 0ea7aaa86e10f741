"""Answers about names: kept as long as they hold, by a fake clock; and asked of a real name server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crawler.network import dnslookup
from crawler.network.dnscache import LEAST_TTL, MOST_TTL, NEGATIVE_TTL, Address, Answer, CachingResolver
from crawler.network.dnslookup import DnsLookup, ask_system, has_other_sources
from tests.support.nameserver import AAAA, A, NameServer, name_server

NAMED = Answer([Address("192.0.2.1", socket.AF_INET)], 60.0)
NONE = Answer((), 0.0, (socket.EAI_NONAME, "Name or service not known"))


class Lookup:
    """Counts the questions; answers when it is let."""

    def __init__(self, answer: Answer = NAMED) -> None:
        self.answer, self.asked = answer, 0
        self.let = asyncio.Event()
        self.let.set()
        self.now = 1000.0

    async def __call__(self, host: str, family: socket.AddressFamily) -> Answer:
        self.asked += 1
        await self.let.wait()
        return self.answer

    def resolver(self, limit: int = 10) -> CachingResolver:
        return CachingResolver(self, clock=lambda: self.now, limit=limit)


class TestCache:
    @pytest.mark.parametrize(
        ("ttl", "held"), [(60, 60.0), (0, LEAST_TTL), (1, LEAST_TTL), (1 << 31, MOST_TTL), (3600.5, 3600.5)]
    )
    async def test_an_answer_is_kept_for_its_time_to_live_within_bounds(self, ttl: float, held: float) -> None:
        lookup = Lookup(Answer(NAMED.addresses, ttl))
        resolver = lookup.resolver()
        for _ in range(3):
            await resolver.resolve("a.test", 80)
        lookup.now += held - 0.001
        await resolver.resolve("A.TEST", 443)
        assert lookup.asked == 1
        lookup.now += 0.001
        await resolver.resolve("a.test", 80)
        assert lookup.asked == 2

    async def test_that_there_is_none_is_kept_for_a_moment(self) -> None:
        lookup = Lookup(NONE)
        resolver = lookup.resolver()
        for _ in range(3):
            with pytest.raises(socket.gaierror, match="Name or service not known"):
                await resolver.resolve("a.test", 80)
        assert lookup.asked == 1
        lookup.now += NEGATIVE_TTL
        lookup.answer = NAMED
        assert [found["host"] for found in await resolver.resolve("a.test", 80)] == ["192.0.2.1"]

    async def test_ports_and_names_are_told_as_they_were_asked(self) -> None:
        [found] = await Lookup().resolver().resolve("A.test", 8080)
        assert (found["hostname"], found["port"], found["family"]) == ("A.test", 8080, socket.AF_INET)

    async def test_families_are_questions_of_their_own(self) -> None:
        lookup = Lookup()
        resolver = lookup.resolver()
        for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNSPEC, socket.AF_INET):
            await resolver.resolve("a.test", 80, family)
        assert lookup.asked == 3

    async def test_who_asks_at_the_same_time_shares_one_question(self) -> None:
        lookup = Lookup()
        lookup.let.clear()
        resolver = lookup.resolver()
        first, *others = (asyncio.ensure_future(resolver.resolve("a.test", 80)) for _ in range(5))
        await asyncio.sleep(0)
        first.cancel()  # its neighbours get their answer all the same
        lookup.let.set()
        assert len(await asyncio.gather(*others)) == 4
        assert first.cancelled() or await asyncio.wait([first])
        assert lookup.asked == 1

    async def test_the_number_of_names_is_bounded(self) -> None:
        lookup = Lookup()
        resolver = lookup.resolver(limit=3)
        for number in range(100):
            await resolver.resolve(f"h{number}.test", 80)
        assert len(resolver._kept) == 3
        await resolver.resolve("h99.test", 80)
        assert lookup.asked == 100

    async def test_closing_ends_what_is_under_way(self) -> None:
        lookup = Lookup()
        lookup.let.clear()
        resolver = lookup.resolver()
        waiting = asyncio.ensure_future(resolver.resolve("a.test", 80))
        await asyncio.sleep(0)
        await resolver.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting


@contextlib.asynccontextmanager
async def asking(server: NameServer, *, system_too: bool = False, **options: object) -> AsyncIterator[DnsLookup]:
    settings = {"udp_port": server.port, "tcp_port": server.port, "tries": 1, "timeout": 0.3, **options}
    lookup = DnsLookup(system_too=system_too, nameservers=["127.0.0.1"], **settings)
    try:
        yield lookup
    finally:
        await lookup.close()


class TestLookup:
    async def test_addresses_of_both_families_with_the_shortest_time_to_live(self) -> None:
        async with name_server({"a.test": [[("192.0.2.1", 300), ("192.0.2.2", 300), ("2001:db8::1", 77)]]}) as server:
            async with asking(server) as lookup:
                both = await lookup("a.test", socket.AF_UNSPEC)
                four = await lookup("a.test", socket.AF_INET)
            assert sorted(server.asked) == sorted({("a.test", A), ("a.test", AAAA)})
        assert {address.text for address in both.addresses} == {"192.0.2.1", "192.0.2.2", "2001:db8::1"}
        assert {address.family for address in both.addresses} == {socket.AF_INET, socket.AF_INET6}
        assert both.ttl == 77
        assert [address.text for address in four.addresses] == ["192.0.2.1", "192.0.2.2"]
        assert four.ttl == 300

    async def test_an_alias_holds_no_longer_than_what_it_leads_to(self) -> None:
        records = {"www.a.test": [[("a.test", 600)]], "a.test": [[("192.0.2.1", 30)]]}
        async with name_server(records) as server, asking(server) as lookup:
            answer = await lookup("www.a.test", socket.AF_INET)
        assert ([address.text for address in answer.addresses], answer.ttl) == (["192.0.2.1"], 30)

    async def test_a_name_that_does_not_exist_and_one_that_cannot_be_told(self) -> None:
        serving = name_server({}, failing=["failing.test"], silent=["silent.test"])
        async with serving as server, asking(server) as lookup:
            missing = await lookup("missing.test", socket.AF_INET)
            failing = await lookup("failing.test", socket.AF_INET)
            silent = await lookup("silent.test", socket.AF_INET)
        assert missing.error == (socket.EAI_NONAME, "Name or service not known")
        for answer in (failing, silent):
            assert answer.error is not None
            assert answer.error[0] == socket.EAI_AGAIN
            assert answer.error[1].startswith("Temporary failure in name resolution (")

    async def test_etc_hosts_is_read(self) -> None:
        async with name_server({}) as server, asking(server) as lookup:
            answer = await lookup("localhost", socket.AF_INET)
            assert [address.text for address in answer.addresses] == ["127.0.0.1"]
            assert server.asked == []

    async def test_search_domains_are_tried(self) -> None:
        serving = name_server({"wiki.corp.test": [[("192.0.2.9", 60)]]})
        async with serving as server, asking(server, domains=["corp.test"]) as lookup:
            answer = await lookup("wiki", socket.AF_INET)
        assert [address.text for address in answer.addresses] == ["192.0.2.9"]

    @pytest.mark.parametrize("system_too", [True, False])
    async def test_the_system_is_asked_for_the_rest_where_it_knows_more(
        self, system_too: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def system(host: str, family: socket.AddressFamily) -> Answer:
            return Answer([Address("192.0.2.7", socket.AF_INET)], 60.0)

        monkeypatch.setattr(dnslookup, "ask_system", system)
        async with name_server({}) as server, asking(server, system_too=system_too) as lookup:
            answer = await lookup("printer.local", socket.AF_INET)
        assert bool(answer.addresses) is system_too

    async def test_a_changed_answer_is_seen_once_the_first_is_over(self) -> None:
        """Through the cache, as a crawl asks: c-ares must not keep it longer than it says."""
        now, first, second = 0.0, "192.0.2.1", "192.0.2.2"
        serving = name_server({"a.test": [[(first, 0)], [(second, 60)]]})
        async with serving as server, asking(server) as lookup:
            resolver = CachingResolver(lookup, clock=lambda: now)
            for moment, expected in ((0.0, first), (4.9, first), (5.0, second), (9.0, second)):
                now = moment
                [found] = await resolver.resolve("a.test", 80)
                assert found["host"] == expected, moment


class TestSystem:
    async def test_what_the_system_says(self) -> None:
        answer = await ask_system("localhost", socket.AF_INET)
        assert ([address.text for address in answer.addresses], answer.ttl) == (["127.0.0.1"], 60.0)

    @pytest.mark.parametrize("name", ["a..test", "x" * 80 + ".test", "no such name"])
    async def test_what_is_no_name_has_no_address(self, name: str) -> None:
        assert (await ask_system(name, socket.AF_INET)).addresses == ()

    @pytest.mark.parametrize(
        ("line", "others"),
        [
            ("hosts: files dns", False), ("hosts:\tfiles dns # mdns4", False),
            ("hosts: dns [!UNAVAIL=return] files", False),
            ("hosts: files mdns4_minimal [NOTFOUND=return] dns", True), ("hosts: files myhostname dns", True),
            ("hosts: files resolve [!UNAVAIL=return] dns", True), ("passwd: files ldap", False), ("", False),
        ],
    )  # fmt: skip
    def test_where_else_the_system_looks(self, tmp_path: Path, line: str, others: bool) -> None:
        (tmp_path / "nsswitch.conf").write_text(f"# about\npasswd: files systemd\n{line}\n")
        assert has_other_sources(tmp_path / "nsswitch.conf") is others

    def test_without_the_file_nobody_knows(self, tmp_path: Path) -> None:
        assert has_other_sources(tmp_path / "none")
