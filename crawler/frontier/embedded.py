"""The frontier that a crawl directory has by itself, DIR/crawl.db: the one place that says which it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from crawler.clock import Clock
from crawler.frontier import Frontier
from crawler.frontier.asking import Inquiry
from crawler.frontier.inquiry import inquire
from crawler.frontier.ledger import iterate_outcomes
from crawler.frontier.sqlite import SqliteFrontier
from crawler.model import Outcome
from crawler.seedoptions import HostLimits

_NAME = "crawl.db"


async def open_frontier(
    directory: Path, *, delay: float | None, per_host: int, per_ip: int | None, hosts: Mapping[str, HostLimits],
    probes: int, robots: bool, depth_matters: bool, clock: Clock,
) -> Frontier:  # fmt: skip
    """Opens the directory's frontier, or makes it; the options are those of SqliteFrontier. Raises LedgerError naming
    the file."""
    return await SqliteFrontier.open(
        directory / _NAME, delay=delay, per_host=per_host, per_ip=per_ip, hosts=hosts, probes=probes, robots=robots,
        depth_matters=depth_matters, clock=clock,
    )  # fmt: skip


def holds_ledger(directory: Path) -> bool:
    """Whether a crawl was ever opened in the directory."""
    return (directory / _NAME).is_file()


def ask_ledger(directory: Path) -> AbstractContextManager[Inquiry]:
    """The directory's ledger at one moment, while its crawl may be running. Raises LedgerError."""
    return inquire(directory / _NAME)


def outcomes_in(directory: Path, since: int) -> Iterator[Outcome]:
    """The directory's outcomes with seq > `since`, in order; none where there was no crawl."""
    return iterate_outcomes(directory / _NAME, since) if holds_ledger(directory) else iter(())
