"""When the hosts of a frontier in memory may be asked, and what a batch of attempts teaches about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from crawler.frontier import CommitItem, HostReport, StoredPace
from crawler.liveness import Liveness
from crawler.model import Kind
from crawler.politeness import MAX_RETRY_AFTER, Address, HostWish, Pace
from crawler.seedoptions import HostLimits
from tests.support.memory_settling import Claim
from tests.support.memory_state import State, host_of, origin_of


class Pacing:
    """The paces of all hosts that were met, and the addresses that they share."""

    def __init__(self, limits: HostLimits, per_ip: int, own: Mapping[str, HostLimits], *, robots: bool) -> None:
        """`own` limits hold for the hosts that they name, `limits` for all others."""
        self._usual, self._per_ip, self._own, self._robots = limits, per_ip, own, robots
        self.paces: dict[str, Pace] = {}
        self._addresses: dict[str, Address] = {}
        self._wishes: dict[str, HostWish] = {}

    def restore(self, state: State, now: float) -> None:
        """What an earlier run left."""
        for stored in state.paces.values():
            pace = self.of(stored.name)
            pace.smoothed, pace.backoff, pace.done = stored.smoothed, stored.backoff, stored.done
            pace.next_ready = min(stored.next_ready, now + MAX_RETRY_AFTER)
            if stored.address is not None:
                self._moved(pace, stored.address)
            if pace.shared is not None:
                recent = min(pace.next_ready, now + pace.spacing)
                pace.shared.next_ready = max(pace.shared.next_ready, recent)
        self.heed_rules(state)

    def of(self, host: str) -> Pace:
        pace = self.paces.get(host)
        if pace is None:
            limits = self._limits(host)
            pace = self.paces[host] = Pace(host, limits.delay, limits.per_host)
            if host in self._wishes:
                pace.wished(self._wishes[host], limits.delay, limits.per_host)
        return pace

    def _limits(self, host: str) -> HostLimits:
        return self._own.get(host, self._usual)

    def wish(self, host: str, wish: HostWish) -> None:
        self._wishes[host] = wish
        if host in self.paces:
            limits = self._limits(host)
            self.paces[host].wished(wish, limits.delay, limits.per_host)

    def heed_rules(self, state: State) -> None:
        """The longest Crawl-delay among a host's origins counts."""
        if not self._robots:
            return
        delays: dict[str, float] = {}
        for origin, gate in state.gates.items():
            delays[host_of(origin)] = max(gate.delay, delays.get(host_of(origin), 0.0))
        for host, delay in delays.items():
            self.of(host).crawl_delay = delay

    def moment(self, pace: Pace) -> float:
        """When the host may be asked next; infinity while that depends on a request's end."""
        shared = pace.shared
        if shared is None:
            return pace.ready_at()
        return max(pace.ready_at(), shared.next_ready if shared.active < shared.slots else float("inf"))

    def learn_address(self, claim: Claim, report: HostReport) -> None:
        host = host_of(claim.origin)
        # The robots.txt that a redirect led to may be another host's.
        if report.address is not None and host_of(origin_of(claim.url.url)) == host:
            self._moved(self.of(host), report.address)

    def _moved(self, pace: Pace, address: str) -> None:
        if address == pace.address:
            return
        pace.address = address
        if not self._per_ip:
            return
        shared = pace.shared = self._addresses.setdefault(address, Address(address, self._per_ip))
        if pace.name in self._own and pace.per_host > self._usual.per_host:
            shared.slots = max(shared.slots, pace.per_host)

    def after(self, items: Iterable[tuple[Claim, CommitItem]], state: State, now: float) -> dict[str, Pace]:
        """What the batch teaches about the hosts: copies, since the commit may fail."""
        learned: dict[str, Pace] = {}
        for claim, item in items:
            host, report = host_of(claim.origin), item.host
            pace = learned.get(host) or learned.setdefault(host, replace(self.of(host)))
            parked = state.life(claim.origin).parked
            if parked and report.answered:
                pace.backoff = 0.0
            pushback = report.pushback and not (parked and report.silence is not None)
            pace.heard(now, report.answer_ms, pushback, report.retry_after)
            pace.done += not item.url.rejudge
        return learned


def stored(paces: Mapping[str, Pace]) -> dict[str, StoredPace]:
    """The paces as they are kept."""
    return {
        host: StoredPace(host, pace.smoothed, pace.backoff, pace.next_ready, pace.done, pace.address)
        for host, pace in paces.items()
    }


def lives_after(
    items: Iterable[tuple[Claim, CommitItem]], state: State, now: float, probes: int
) -> dict[str, Liveness]:
    """How the origins stand after the batch, as far as it changed."""
    changed: dict[str, Liveness] = {}
    for claim, item in items:
        origin, report = claim.origin, item.host
        life = changed.get(origin, state.life(origin))
        if report.answered:
            life = life.heard()
        elif report.silence is not None:
            life = life.silent(now, probes, report.silence, item.failure)
        else:
            continue
        if item.url.kind is not Kind.ROBOTS or origin_of(item.url.url) == origin:
            changed[origin] = life
    return changed
