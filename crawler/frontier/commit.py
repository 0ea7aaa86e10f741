"""The one transaction: outcomes, outlinks, robots, politeness and the segment's committed length, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from crawler.clock import utc
from crawler.frontier import Commit, CommitItem, Counts, Finished, RetryAt, RobotsAnswer, Settled, StoredPace, unrank
from crawler.frontier.applied import Applied
from crawler.frontier.payloads import enter_payloads
from crawler.frontier.queueing import Queueing, Via
from crawler.frontier.rounds import compared, keep_previous
from crawler.frontier.rows import Key, Mode, QueueRow, Reason, lane, origin_of, stored_columns, url_hash
from crawler.frontier.store import Store
from crawler.liveness import Liveness
from crawler.model import Kind, Outcome, OutcomeKind, Receipt

T = TypeVar("T")

UNANSWERED_ROBOTS_SECONDS = 3600.0
"""How long a robots.txt counts as unreachable when its attempt ended without saying what it means."""

_REASON_COLUMNS = "kind, depth, offsite, redirects, seed"
_DELETE_QUEUED = f"DELETE FROM queue WHERE origin = ? AND lane = ? AND id = ? RETURNING {_REASON_COLUMNS}"
_DELETE_WAITING = f"DELETE FROM waiting WHERE origin = ? AND due = ? AND id = ? RETURNING {_REASON_COLUMNS}"
_WAITING = "INSERT INTO waiting VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_LEDGER = "INSERT INTO ledger VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0,?,?,?,?,?,?,?,?)"
_ATTEMPT = "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
Settlement = tuple[Outcome | None, Via]
"""The outcome of an attempt, if it has one, and the seq that its outlinks name as via."""


class Transaction:
    """Applies one Commit inside BEGIN … COMMIT; an error leaves the store as it was."""

    def __init__(
        self, store: Store, claims: Mapping[Key, QueueRow], known: Mapping[str, int], *, depth_matters: bool
    ) -> None:
        self.store, self.claims = store, claims
        self.db = store.db
        self.round = store.round
        self.applied = Applied(store.counts, store.next_id)
        self.lives: Mapping[int, Liveness] = {}
        self.queueing = Queueing(store, self.applied, known, depth_matters=depth_matters)

    def run(self, work: Callable[[Transaction], T], now: float) -> T:
        """BEGIN, `work`, COMMIT. Raises sqlite3.Error; after one from COMMIT only the file knows what holds."""
        self._now = utc(now)
        self.db.execute("BEGIN IMMEDIATE")
        try:
            result = work(self)
            counts = self._write_figures(now)
            self.db.execute("COMMIT")
        except BaseException:
            self.store.origin_ids.clear()  # some of them may never have been
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise
        self.store.counts, self.store.next_id, self.store.round = counts, self.applied.next_id, self.round
        self.store.commits += 1
        return result

    def begin_round(self, seeds: Sequence[str]) -> list[int]:
        """The next round, with the seeds in its queue; the one at hand must be finished. Returns their numbers."""
        if self.applied.before.queued:
            raise ValueError(f"round {self.round} is not finished")
        self.round += 1
        self.store.save_round(self.round)
        self.applied.before = Counts(seq=self.applied.before.seq)
        self.queueing.begin_round(self.round)
        numbers = self.queueing.add_seeds(seeds)
        self.applied.robots.update((origin, self.store.load_origin(origin)) for origin in self.applied.touched)
        return numbers

    def apply(
        self, commit: Commit, hosts: Iterable[StoredPace], lives: Mapping[int, Liveness], ready: Mapping[int, float],
        now: float,
    ) -> None:  # fmt: skip
        """All of a batch: its items, the politeness of their hosts, how their origins stand if that changed, and when
        which origins may be served next."""
        self.lives = lives
        links = []
        originals: list[Outcome] = []
        for item in commit.items:
            outcome, seq = self._settle(item, now)
            self.applied.outcomes.append(outcome)
            if item.original and outcome is not None:
                originals.append(outcome)
            links += [(link, seq) for link in item.outlinks]
            if item.joins is not None:
                self.db.execute("INSERT OR IGNORE INTO joined VALUES (?, ?)", (item.url.seed, item.joins))
        self.queueing.queue_links(links)
        enter_payloads(self.db, originals)
        if commit.segment is not None:
            self.store.save_segment(commit.segment)
        if commit.cookies is not None:
            self.store.save_cookies(commit.cookies)
        self.store.save_hosts(hosts)
        self.store.save_lives(lives)
        self.applied.lives = lives
        moments = [(moment, origin) for origin, moment in ready.items()]
        self.db.executemany("UPDATE origins SET ready_at = ? WHERE id = ?", moments)

    def _write_figures(self, now: float) -> Counts:
        a = self.applied
        lengths = [(delta, origin) for origin, delta in a.queued.items() if delta]
        self.db.executemany("UPDATE origins SET queued = queued + ? WHERE id = ?", lengths)
        # What came new may be fetched before a row that the origin was put off for.
        touched = [(now, origin) for origin in a.touched]
        self.db.executemany("UPDATE origins SET ready_at = min(ready_at, ?) WHERE id = ?", touched)
        counts = a.counts
        self.store.save_meta(counts, a.next_id, self.store.commits + 1)
        return counts

    # -- settling one attempt ----------------------------------------------------------------------------------

    def _settle(self, item: CommitItem, now: float) -> Settlement:
        if item.url.kind is Kind.ROBOTS:
            return self._settle_robots(item, now)
        row = self.claims[item.url.key]
        key = (row.origin, row.hash)
        reason = self._remove(row)
        place = self._place(*key)
        via = place if place > 0 else None
        if row.mode == Mode.REJUDGE:
            return None, via
        if row.attempt > 1:
            self.applied.touched.add(row.origin)  # another row of the same URL gets another attempt's number
        match item.disposition:
            case RetryAt(seconds, why):
                self._enter_attempt(item, *key, why)
                self._wait(row, reason, now + seconds)
                return None, via
            case Settled():
                if via is None and row.mode == Mode.FETCH:
                    raise ValueError(f"{row.url}: has no outcome yet, so this attempt cannot be an additional one")
                self._enter_attempt(item, *key, None)
                return None, via
            case Finished() as finished:
                if via is not None:  # settled meanwhile, as the robots.txt of an origin
                    self._enter_attempt(item, *key, finished.reason)
                    return None, via
                outcome = self._finish(item, finished, *key, row.via)
                if self._worth_rejudging(reason, item):
                    self.queueing.insert(*key, row.url, reason, None, Mode.REJUDGE)
                return outcome, outcome.seq

    def _worth_rejudging(self, reason: Reason, item: CommitItem) -> bool:
        """True if a better reason came while it was in flight and its links were judged by the worse one."""
        url = item.url
        if (reason.kind, reason.depth, reason.offsite) == (url.kind, url.depth, url.offsite):
            return False
        if not item.outlinks and item.stored is None:
            return False
        return self.queueing.improves(reason.rank, Reason.of_claim(url).rank)

    def _remove(self, row: QueueRow) -> Reason:
        """Takes the claimed row out of the store; returns its reason, which may have been bettered since the claim."""
        delete = _DELETE_WAITING if row.waiting else _DELETE_QUEUED
        found = self.db.execute(delete, (row.origin, row.order, row.id)).fetchone()
        if found is None and not row.waiting:
            # Promoted while it was claimed, it lies in the lane of its better rank.
            found = self.db.execute(
                delete, (row.origin, self._best_lane(row.origin, row.hash, row.url), row.id)
            ).fetchone()
        if found is None:
            return Reason.of_row(row)  # dropped while it was in flight: it was the robots.txt of an origin
        self.applied.queued[row.origin] -= 1
        self.applied.figures["waiting"] -= row.waiting
        return Reason._make(found)

    def _best_lane(self, origin: int, hash_: int, url: str) -> float:
        """Where the row of a URL that was not fetched yet lies."""
        best = self.db.execute("SELECT rank FROM seen WHERE origin = ? AND hash = ?", (origin, hash_)).fetchone()[0]
        kind, _, depth = unrank(best)
        return lane(kind, depth, url)

    def _wait(self, row: QueueRow, reason: Reason, due: float) -> None:
        values = (row.origin, due, row.id, row.hash, row.url, *reason[:4], row.via, reason.seed)
        self.db.execute(_WAITING, (*values, row.attempt + 1, row.mode))
        self.applied.queued[row.origin] += 1
        self.applied.figures["waiting"] += 1
        self.applied.touched.add(row.origin)

    def _enter_attempt(self, item: CommitItem, origin: int, hash_: int, reason: str | None) -> None:
        moment = item.time.timestamp()
        values = (self.round, origin, hash_, item.url.attempt, item.url.url, reason, moment, item.status, item.ms)
        self.db.execute(_ATTEMPT, (*values, *stored_columns(item.stored)))
        self.applied.figures["bytes"] += item.bytes

    def _finish(self, item: CommitItem, finished: Finished, origin: int, hash_: int, via: Via) -> Outcome:
        url, stored = item.url, item.stored
        seq = self.applied.seq + 1
        values = (seq, self.round, origin, hash_, url.url, finished.kind, finished.reason, item.failure)
        figures = (item.time.timestamp(), item.status, item.media_type, item.bytes, item.ms, url.attempt)
        place = (url.depth, url.kind, via, url.seed, item.title)
        fetched, archived = item.fetched, self._now
        times = (None if fetched is None else fetched.timestamp(), archived.timestamp())
        self.db.execute(_LEDGER, (*values, *figures, *place, *stored_columns(stored), *times))
        self.db.execute("UPDATE seen SET place = ? WHERE origin = ? AND hash = ?", (seq, origin, hash_))
        self._count(item, finished.kind)
        if self.round > 1:
            self._compare(item, finished.kind, origin, hash_)
        receipt = None
        if stored is not None:
            receipt = Receipt(seq, stored.segment, stored.offset, stored.length, stored.record_id, stored.digest)
        seed = url.via is None and url.kind is Kind.NAVIGATION
        return Outcome(
            finished.kind, url.url, seq, item.time, finished.reason, item.failure, item.status, item.media_type,
            item.bytes, item.ms, url.attempt, url.depth, url.via, seed, item.title, receipt,
            url.kind is Kind.NAVIGATION, fetched, archived, self.round,
        )  # fmt: skip

    def _count(self, item: CommitItem, kind: OutcomeKind) -> None:
        # A redirect is on the way to a page and none itself: `--max-pages 1` must not end between http and https.
        redirect = item.status is not None and 300 <= item.status < 400 and item.status != 304
        whole = kind in (OutcomeKind.ARCHIVED, OutcomeKind.REVISITED)
        page = item.url.kind is Kind.NAVIGATION and whole and not redirect
        figures = self.applied.figures
        figures["seq"] += 1
        figures["bytes"] += item.bytes
        figures["pages"] += page
        figures[kind.value] += 1

    def _compare(self, item: CommitItem, kind: OutcomeKind, origin: int, hash_: int) -> None:
        """Counts how a capture stands to the one in an earlier round."""
        if kind in (OutcomeKind.ARCHIVED, OutcomeKind.REVISITED) and item.url.kind is not Kind.ROBOTS:
            digest = None if item.stored is None else item.stored.digest
            found = compared(self.db, origin, hash_, item.status, digest)
            if found is not None:
                self.applied.figures[found] += 1

    # -- robots.txt --------------------------------------------------------------------------------------------

    def _settle_robots(self, item: CommitItem, now: float) -> Settlement:
        gated, disposition = item.url.key[0], item.disposition
        origin, hash_ = self.store.origin_id(origin_of(item.url.url)), url_hash(item.url.url)
        if isinstance(disposition, RetryAt):
            due = "UPDATE origins SET robots_due = ? WHERE id = ?"
            self.db.execute(due, (now + disposition.seconds, gated))
            self._enter_attempt(item, origin, hash_, disposition.reason)
            settlement: Settlement = None, None
        else:
            self._answer_gate(item, gated, now)
            settlement = self._settle_robots_url(item, origin, hash_)
        self.applied.touched.add(origin)  # rows of the same URL get another attempt's number
        self.applied.robots[gated] = self.store.load_origin(gated)
        return settlement

    def _answer_gate(self, item: CommitItem, gated: int, now: float) -> None:
        """Opens the origin to its rules, or to none of its URLs, or sends the next question elsewhere."""
        answer = item.robots
        if answer is None:  # the visit failed by a fault of the program's own
            why = item.disposition.reason if isinstance(item.disposition, Finished) else None
            answer = RobotsAnswer(
                refusal=why or "no answer", failure=item.failure, expires_in=UNANSWERED_ROBOTS_SECONDS
            )
        if answer.next_url is not None:
            # The rules known before, if any, stay in force for what is in flight.
            self.db.execute(
                "UPDATE origins SET robots_url = ?, robots_hops = ?, robots_expires = NULL, robots_due = 0"
                " WHERE id = ?",
                (answer.next_url, item.url.redirects + 1, gated),
            )
            return
        if answer.refusal is not None and self._keeps_asking(gated, now):
            return
        self.db.execute(
            "UPDATE origins SET robots = ?, robots_refusal = ?, robots_failure = ?, robots_expires = ?,"
            " robots_delay = ?, robots_url = NULL, robots_hops = 0, robots_due = 0 WHERE id = ?",
            (answer.text, answer.refusal, answer.failure, now + answer.expires_in, answer.crawl_delay, gated),
        )

    def _keeps_asking(self, gated: int, now: float) -> bool:
        """True if a robots.txt that could not be had changes nothing: the origin is parked, or its rules still hold."""
        row = self.store.load_origin(gated)
        if self.lives.get(gated, row.life).parked:
            return True
        # RFC 9309 section 2.3.1.4: what is known may be used while the file is unreachable.
        return bool(row.has_robots) and row.robots_expires is not None and row.robots_expires > now

    def _settle_robots_url(self, item: CommitItem, origin: int, hash_: int) -> Settlement:
        place = self._place(origin, hash_)
        if place > 0 or not isinstance(item.disposition, Finished):
            self._enter_attempt(item, origin, hash_, None)
            return None, place if place > 0 else None
        if place < 0:
            self._drop_queued(origin, hash_, -place, item.url.url)
        else:
            earlier = self.db.execute(
                "SELECT place FROM seen WHERE origin = ? AND hash = ?", (origin, hash_)
            ).fetchone()
            if earlier is not None:
                keep_previous(self.db, origin, hash_, earlier[0])
            mark = "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, 0, ?)"
            self.db.execute(mark, (origin, hash_, Reason(Kind.ROBOTS, 0, 0, 0, 0).rank, self.round))
        outcome = self._finish(item, item.disposition, origin, hash_, None)
        return outcome, outcome.seq

    def _place(self, origin: int, hash_: int) -> int:
        """`seen.place` in this round; 0 for a URL that was not seen in it."""
        seen = self.db.execute(
            "SELECT place FROM seen WHERE origin = ? AND hash = ? AND round = ?", (origin, hash_, self.round)
        ).fetchone()
        return 0 if seen is None else int(seen[0])

    def _drop_queued(self, origin: int, hash_: int, id_: int, url: str) -> None:
        """A queued URL turned out to be a robots.txt just fetched: it needs no second fetch, unless it is in flight."""
        if (origin, id_) in self.claims:
            return
        where = "DELETE FROM queue WHERE origin = ? AND lane = ? AND id = ?"
        queued = self.db.execute(where, (origin, self._best_lane(origin, hash_, url), id_)).rowcount
        waiting = self.db.execute("DELETE FROM waiting WHERE origin = ? AND id = ?", (origin, id_)).rowcount
        self.applied.queued[origin] -= queued + waiting
        self.applied.figures["waiting"] -= waiting
        self.applied.touched.add(origin)
