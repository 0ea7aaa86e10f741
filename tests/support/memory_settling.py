"""What a commit does to the state of a frontier in memory: attempts, outcomes, robots.txt, how captures compare."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from crawler.clock import utc
from crawler.earlier.revisit import Original, Previous
from crawler.frontier import Commit, CommitItem, Finished, RetryAt, RobotsAnswer, Settled, StoredPace, Tallies, rank
from crawler.liveness import Liveness
from crawler.model import CrawlURL, Kind, Outcome, Receipt
from tests.support.memory_queueing import GOOD, Queueing
from tests.support.memory_state import Entry, Mode, Row, Seen, State, origin_of

UNANSWERED = 3600.0
"""Seconds for which a robots.txt counts as refused when its attempt ended without saying what it means."""
_TEXTS = ("media_type", "title", "joins")


class Claim(Struct, frozen=True):
    """A URL that was given out."""

    url: CrawlURL
    origin: str
    """The origin that gave it: of a robots.txt the one that waits for it, wherever redirects led."""
    row: Row | None
    """None for a robots.txt."""


class Settling:
    """One commit; see Queueing for what it works on."""

    def __init__(self, queueing: Queueing, claims: Mapping[tuple[int, int], Claim], now: float) -> None:
        self.queueing, self.state, self._claims, self._now = queueing, queueing.state, claims, now

    def apply(
        self, commit: Commit, paces: Mapping[str, StoredPace], lives: Mapping[str, Liveness]
    ) -> list[Outcome | None]:
        """Raises KeyError, TypeError or ValueError for what cannot be committed."""
        state = self.state
        outcomes, links = [], []
        state.lives.update(lives)
        for item in commit.items:
            _check(item)
            outcome, seq = self._settle(self._claims[item.url.key], item)
            outcomes.append(outcome)
            links += [(link, seq) for link in item.outlinks]
            digest = None if item.stored is None else item.stored.digest
            if item.original and outcome is not None and digest is not None:
                state.payloads.setdefault(digest, outcome.seq)
            if item.joins is not None:
                state.joined[item.url.seed, item.joins] = None
        self.queueing.queue(links)
        state.paces.update(paces)
        if commit.segment is not None:
            state.segments[commit.segment.number] = commit.segment
        if commit.cookies is not None:
            state.cookies = commit.cookies
        return outcomes

    def _settle(self, claim: Claim, item: CommitItem) -> tuple[Outcome | None, int | None]:
        """The attempt's outcome, if it has one, and the seq of the outcome that its outlinks were found on."""
        if claim.row is None:
            return self._settle_robots(claim.origin, item)
        row = self.state.rows.pop(claim.row.id, claim.row)
        seq = self.state.seq_of(row.url)
        if row.mode is Mode.REJUDGE:
            return None, seq
        self._attempted(item)
        match item.disposition:
            case RetryAt(seconds):
                self.state.rows[row.id] = replace(row, attempt=item.url.attempt + 1, due=self._now + seconds)
                return None, seq
            case Settled():
                if seq is None and row.mode is Mode.FETCH:
                    raise ValueError(f"{row.url}: has no outcome that this attempt could come in addition to")
                return None, seq
            case Finished() as finished:
                if seq is not None:
                    return None, seq
                outcome = self._finish(item, finished, row.via)
                if self._judged_for_less(row, item):
                    self.queueing.insert(row.link, None, Mode.REJUDGE)
                return outcome, outcome.seq

    def _judged_for_less(self, row: Row, item: CommitItem) -> bool:
        """Whether a better reason came while it was in flight."""
        url = item.url
        has_links = bool(item.outlinks) or item.stored is not None
        return has_links and self.queueing.improves(row.rank, rank(url.kind, url.offsite, url.depth))

    def _attempted(self, item: CommitItem) -> None:
        key = (self.state.round, item.url.url)
        self.state.attempts[key] = max(self.state.attempts.get(key, 0), item.url.attempt)
        self.queueing.figures["bytes"] += item.bytes

    def _finish(self, item: CommitItem, finished: Finished, via: int | None) -> Outcome:
        url, stored, state = item.url, item.stored, self.state
        seq = state.counts.seq + self.queueing.figures["seq"] + 1
        receipt = None
        if stored is not None:
            receipt = Receipt(seq, stored.segment, stored.offset, stored.length, stored.record_id, stored.digest)
        page = url.kind is Kind.NAVIGATION
        outcome = Outcome(
            finished.kind, url.url, seq, item.time, finished.reason, item.failure, item.status, item.media_type,
            item.bytes, item.ms, url.attempt, url.depth, url.via, page and url.via is None, item.title, receipt, page,
            item.fetched, utc(self._now), state.round,
        )  # fmt: skip
        offset = None if stored is None else stored.metadata_offset
        state.ledger[seq] = Entry(outcome, url.kind, via, url.seed, offset)
        state.seen[url.url] = replace(state.seen[url.url], row=None, seq=seq)
        self._count(outcome, url.kind)
        return outcome

    def _count(self, outcome: Outcome, kind: Kind) -> None:
        figures = self.queueing.figures
        figures["seq"] += 1
        figures["pages"] += is_page(outcome)
        figures[outcome.kind.value] += 1
        if self.state.round == 1 or outcome.kind not in GOOD or kind is Kind.ROBOTS or (outcome.status or 400) >= 400:
            return
        previous = previous_of(self.state, outcome.url)
        if previous is None or (previous.status or 0) >= 400:
            figures["new"] += 1
        else:
            digest = None if outcome.receipt is None else outcome.receipt.digest
            figures["unchanged" if outcome.status == 304 or digest == previous.digest else "changed"] += 1

    # -- robots.txt --------------------------------------------------------------------------------------------

    def _settle_robots(self, gated: str, item: CommitItem) -> tuple[Outcome | None, int | None]:
        self._attempted(item)
        if isinstance(item.disposition, RetryAt):
            due = self._now + item.disposition.seconds
            self.state.gates[gated] = replace(self.state.gate(gated), due=due)
            return None, None
        self._answer(gated, item)
        url, state = item.url.url, self.state
        seen, seq = state.seen.get(url), state.seq_of(url)
        if seq is not None or not isinstance(item.disposition, Finished):
            return None, seq
        if seen is not None and seen.round == state.round and seen.row is not None:
            # Queued as a page, it needs no second fetch, unless that one is under way.
            if all(claim.row is None or claim.row.id != seen.row for claim in self._claims.values()):
                state.rows.pop(seen.row, None)
        else:
            self.queueing.met_again(url)
            state.seen[url] = Seen(rank(Kind.ROBOTS, 0, 0), state.round)
        outcome = self._finish(item, item.disposition, None)
        return outcome, outcome.seq

    def _answer(self, gated: str, item: CommitItem) -> None:
        gate, answer = self.state.gate(gated), item.robots
        if answer is None:
            why = item.disposition.reason if isinstance(item.disposition, Finished) else None
            answer = RobotsAnswer(refusal=why or "no answer", failure=item.failure, expires_in=UNANSWERED)
        if answer.next_url is not None:
            gate = replace(gate, elsewhere=answer.next_url, hops=item.url.redirects + 1, expires=None, due=0.0)
        elif answer.refusal is None or not self._changes_nothing(gated):
            expires = self._now + answer.expires_in
            gate = replace(
                gate, text=answer.text, refusal=answer.refusal, failure=answer.failure, expires=expires,
                delay=answer.crawl_delay, elsewhere=None, hops=0, due=0.0,
            )  # fmt: skip
        self.state.gates[gated] = gate

    def _changes_nothing(self, gated: str) -> bool:
        """A robots.txt that cannot be had: the origin is only probed, or what is known of it still holds."""
        gate = self.state.gate(gated)
        holds = gate.text is not None and gate.expires is not None and gate.expires > self._now
        return holds or self.state.life(gated).parked


def _check(item: CommitItem) -> None:
    """As a store of columns would."""
    for name in _TEXTS:
        if not isinstance(getattr(item, name), str | None):
            raise TypeError(f"{item.url.url}: its {name} is no text")
    origin_of(item.url.url)


def previous_of(state: State, url: str) -> Previous | None:
    """The URL's last capture before this round that has a payload of its own."""
    seq = state.previous.get(url)
    entry = None if seq is None else state.ledger[seq]
    if entry is None or entry.outcome.receipt is None:
        return None
    outcome, receipt = entry.outcome, entry.outcome.receipt
    assert outcome.time is not None
    assert entry.metadata_offset is not None
    return Previous(
        outcome.seq, outcome.time, outcome.status, outcome.media_type, outcome.title, receipt.segment, receipt.offset,
        entry.metadata_offset, receipt.digest,
    )  # fmt: skip


def original_of(state: State, digest: str) -> Original:
    """The record that holds the payload."""
    outcome = state.ledger[state.payloads[digest]].outcome
    assert outcome.time is not None
    assert outcome.receipt is not None
    return Original(outcome.url, outcome.time, outcome.receipt.record_id, digest)


def gone(state: State) -> int:
    """Good answers of the round before that are missing in this one."""
    count = 0
    for entry in state.ledger.values():
        outcome = entry.outcome
        good = outcome.kind in GOOD and outcome.status is not None and outcome.status < 400
        if outcome.round != state.round - 1 or not good or entry.kind is Kind.ROBOTS:
            continue
        seq, seen = state.seq_of(outcome.url), state.seen[outcome.url]
        missing = seq is not None and state.ledger[seq].outcome.status in (404, 410)
        count += seen.round < state.round or missing
    return count


def tallies(state: State) -> Tallies:
    """The round's outcomes by status and by media type."""
    statuses: dict[int, int] = {}
    types: dict[str, int] = {}
    absent = 0
    for entry in state.ledger.values():
        outcome = entry.outcome
        if outcome.round != state.round:
            continue
        if outcome.status is not None:
            statuses[outcome.status] = statuses.get(outcome.status, 0) + 1
        if outcome.media_type is not None:
            types[outcome.media_type] = types.get(outcome.media_type, 0) + 1
        absent += entry.kind in (Kind.ROBOTS, Kind.SITEMAP) and outcome.status in (404, 410)
    return Tallies(statuses, types, absent)


def is_page(outcome: Outcome) -> bool:
    """What `Counts.pages` counts."""
    redirect = outcome.status is not None and 300 <= outcome.status < 400 and outcome.status != 304
    return outcome.page and outcome.kind in GOOD and not redirect
