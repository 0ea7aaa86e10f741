"""How many pages each host may still give: `--host-pages`, and `max-pages` of single seeds.

Terms. *counted*: the host's pages that are archived, in this round. *reserved*: those under way. A page is what
`--max-pages` counts: no requisite, no redirect, no failure.

Invariants.
- counted + reserved never exceeds the budget; whoever comes when only reservations are in the way waits for one to end.
- Who waits holds a slot of the host and never keeps a reservation from ending.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from crawler.urls import host_of

RULE = "host-pages"


@dataclass(slots=True)
class _Host:
    counted: int = 0
    reserved: int = 0
    waiting: list[asyncio.Future[None]] = field(default_factory=list)


class HostBudget:
    """Used by the event loop's thread alone."""

    def __init__(self, most: int | None, own: Mapping[str, int], counted: Mapping[str, int]) -> None:
        """`most` for every host that has none of its `own`; `counted`: by earlier runs of the round."""
        self._most, self._own = most, own
        self._hosts = {host: _Host(pages) for host, pages in counted.items()}

    def spent(self, url: str) -> bool:
        """True if the URL's host has given all of its pages."""
        name = host_of(url)
        most = self._own.get(name, self._most)
        host = self._hosts.get(name)
        return most is not None and host is not None and host.counted >= most

    async def reserve(self, url: str) -> bool:
        """Takes one page of the URL's host, waiting while it is not certain that one is left; False if none is."""
        name = host_of(url)
        most = self._own.get(name, self._most)
        host = self._hosts.get(name) or self._hosts.setdefault(name, _Host())
        while most is not None and host.counted + host.reserved >= most:
            if host.counted >= most:
                return False
            ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            host.waiting.append(ended)
            await ended
        host.reserved += 1
        return True

    def settle(self, url: str, *, counted: bool) -> None:
        """A reservation ends: it became a page, or did not."""
        host = self._hosts[host_of(url)]
        host.reserved -= 1
        host.counted += counted
        waiting, host.waiting = host.waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)
