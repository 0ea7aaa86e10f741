"""Which addresses a crawl may connect to, for which host and port."""

from __future__ import annotations

import pytest

from crawler.network.access import AccessPolicy, public_only, unchecked

SEEDS = ("http://127.0.0.1:8000/", "http://[::1]:8000/x", "https://wiki.test/", "site.test", "nonsense://")


def allowed(policy: AccessPolicy, host: str, port: int, address: str, at: int | None = None) -> bool:
    return policy.access(host, port)(address, port if at is None else at) is None


def test_public_addresses_are_for_every_host() -> None:
    policy = AccessPolicy(SEEDS)
    assert policy.access("other.test", 80) is public_only
    assert allowed(policy, "other.test", 80, "8.8.8.8")
    assert not allowed(policy, "other.test", 80, "10.0.0.1")


@pytest.mark.parametrize(
    ("host", "port", "address", "yes"),
    [
        ("127.0.0.1", 8000, "127.0.0.1", True),
        ("127.0.0.1", 8000, "::ffff:127.0.0.1", True),
        ("127.0.0.1", 8000, "127.0.0.2", False),
        ("127.0.0.1", 8001, "127.0.0.1", False),
        ("127.0.0.2", 8000, "127.0.0.2", False),
        ("localhost", 8000, "127.0.0.1", False),
        ("::ffff:7f00:1", 8000, "::ffff:127.0.0.1", False),
        ("::1", 8000, "::1", True),
        ("::1", 80, "::1", False),
    ],
)
def test_a_seed_that_is_an_address_opens_itself_alone(host: str, port: int, address: str, yes: bool) -> None:
    assert allowed(AccessPolicy(SEEDS), host, port, address) is yes


def test_the_ports_of_address_and_url_are_both_looked_at() -> None:
    assert not allowed(AccessPolicy(SEEDS), "127.0.0.1", 8000, "127.0.0.1", at=9000)


def test_a_seeds_name_is_pinned_to_its_first_private_addresses() -> None:
    policy = AccessPolicy(SEEDS)
    assert not allowed(policy, "wiki.test", 443, "10.0.0.5")
    access = policy.access("wiki.test", 443)  # asked for before the name is resolved, as a request does
    policy.resolved("wiki.test", 443, ["10.0.0.5", "fd00::5"])
    assert access("10.0.0.5", 443) is None
    policy.resolved("wiki.test", 443, ["10.0.0.6"])
    for address, yes in (("10.0.0.5", True), ("fd00::5", True), ("10.0.0.6", False), ("127.0.0.1", False)):
        assert allowed(policy, "wiki.test", 443, address) is yes, address
    assert not allowed(policy, "wiki.test", 80, "10.0.0.5")
    assert not allowed(policy, "other.test", 443, "10.0.0.5")


@pytest.mark.parametrize(
    "first", [["8.8.8.8"], ["10.0.0.5", "8.8.8.8"], ["169.254.169.254"], ["169.254.1.1"], ["fd00:ec2::254"], []]
)
def test_a_seeds_name_that_did_not_live_in_a_private_network_never_does(first: list[str]) -> None:
    policy = AccessPolicy(SEEDS)
    policy.resolved("wiki.test", 443, first)
    policy.resolved("wiki.test", 443, ["10.0.0.5"])
    for address in ("10.0.0.5", *(address for address in first if address != "8.8.8.8")):
        assert not allowed(policy, "wiki.test", 443, address)


def test_other_names_are_never_pinned() -> None:
    policy = AccessPolicy(SEEDS)
    policy.resolved("other.test", 443, ["10.0.0.5"])
    assert not allowed(policy, "other.test", 443, "10.0.0.5")


def test_a_name_that_the_crawl_serves_itself() -> None:
    policy = AccessPolicy((), own=lambda host: ("127.0.0.1", 4000) if host == "demo.test" else None)
    assert allowed(policy, "demo.test", 80, "127.0.0.1", at=4000)
    assert not allowed(policy, "demo.test", 80, "127.0.0.1", at=4001)
    assert not allowed(policy, "127.0.0.1", 4000, "127.0.0.1")


def test_allow_private() -> None:
    policy = AccessPolicy((), allow_private=True)
    assert policy.access("any.test", 80) is unchecked
    assert allowed(policy, "any.test", 80, "169.254.169.254")
    assert policy.refuses_literal("127.0.0.1", 80) is None


def test_the_sentence_names_the_address_and_what_it_is() -> None:
    assert public_only("127.0.0.1", 1) == "127.0.0.1 is a loopback address"
    assert public_only("169.254.169.254", 1) == "169.254.169.254 is the address of a cloud's metadata service"
    assert public_only("localhost", 1) == "'localhost' is no IP address"


@pytest.mark.parametrize(
    ("host", "refused"),
    [("127.0.0.1", True), ("::1", True), ("10.1.2.3.", True), ("localhost", True), ("localhost.", True),
     ("x.localhost", True), ("8.8.8.8", False), ("localhost.test", False), ("wiki.test", False)],
)  # fmt: skip
def test_what_is_not_even_named_to_a_proxy(host: str, refused: bool) -> None:
    assert (AccessPolicy(SEEDS).refuses_literal(host, 80) is not None) is refused
    assert AccessPolicy(SEEDS).refuses_literal("127.0.0.1", 8000) is None
