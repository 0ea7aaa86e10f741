"""Hosts on one IP address, for real: two machines on loopback addresses of their own, with several names each."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from crawler.network.resolver import OverrideResolver
from tests.support.engine import Ran, config_of, opened
from tests.support.web import Web, page

NAMES = ("a", "b", "c", "d")


def pages_of(*hosts: str, count: int = 8) -> dict[str, bytes]:
    """Every host's start page links to all its pages."""
    answers = {f"http://{host}.test/": page(*(f"/{number}" for number in range(count))) for host in hosts}
    return answers | {f"http://{host}.test/{number}": page() for host in hosts for number in range(count)}


async def crawl_both(directory: Path, one: Web, other: Web, **options: Any) -> Ran:
    places = {f"{name}.test": (one.address, one.port) for name in NAMES}
    places["x.test"] = (other.address, other.port)
    seeds = [f"http://{name}/" for name in places]
    outcomes: list[Any] = []
    config = config_of(directory, *seeds, robots=False, **options)
    async with opened(config, resolver=OverrideResolver(places)) as running:
        running.add_done_callback(outcomes.append)
        return Ran(await running.wait(), outcomes)


@pytest.mark.parametrize(("per_ip", "most"), [(None, 2), (1, 1), (3, 3)])
async def test_hosts_of_one_address_share_its_slots(crawl_dir: Path, per_ip: int | None, most: int) -> None:
    one = Web(pages_of(*NAMES), pause=0.01, address="127.0.0.2")
    other = Web(pages_of("x", count=20), pause=0.01, address="127.0.0.3")
    with one, other:
        ran = await crawl_both(crawl_dir, one, other, per_ip=per_ip)
        assert len(ran.by_url) == 4 * 9 + 21
        # Who they are is known once each of them was asked.
        later = one.requests[2 * len(NAMES) :]
        assert most_at_once(later) == most
        assert other.peaks[""] == min(2, per_ip or 2)
        turns = Counter(asked.url.split("/")[2] for asked in later[: 2 * len(NAMES)])
        assert len(turns) == len(NAMES), "they take turns"


async def test_without_sharing_each_host_counts_for_itself(crawl_dir: Path) -> None:
    one, other = Web(pages_of(*NAMES), pause=0.05, address="127.0.0.2"), Web(pages_of("x"), address="127.0.0.3")
    with one, other:
        await crawl_both(crawl_dir, one, other, per_ip=0)
        assert one.peaks[""] == 2 * len(NAMES)


async def test_hosts_of_one_address_share_the_delay_and_others_do_not_wait(crawl_dir: Path) -> None:
    one, other = Web(pages_of(*NAMES, count=2), address="127.0.0.2"), Web(pages_of("x"), address="127.0.0.3")
    with one, other:
        await crawl_both(crawl_dir, one, other, delay=0.1, per_ip=None)
        times = [asked.at for asked in one.requests][len(NAMES) :]
        assert len(times) == 8
        assert (times[-1] - times[0]) / 7 >= 0.099, "on average: what a server notes may come late, but not early"
        assert other.requests[-1].at - other.requests[0].at < times[-1] - times[0] + 0.3


def most_at_once(requests: list[Any]) -> int:
    """The most of these requests that were being answered at the same time."""
    moments = sorted(
        moment for asked in requests for moment in ((asked.at, 1), (asked.answered, -1)) if moment[0] is not None
    )
    level = peak = 0
    for (_, step), _ in pairwise([*moments, (0.0, 0)]):
        level += step
        peak = max(peak, level)
    return peak
