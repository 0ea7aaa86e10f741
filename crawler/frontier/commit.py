"""The one transaction: outcomes, outlinks, robots, politeness and the segment's committed length, all or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from crawler.frontier import Commit, CommitItem, Counts, Finished, RetryAt, Settled, rank, unrank
from crawler.frontier.rows import Mode, QueueRow, lane, origin_of, stored_columns, url_hash
from crawler.frontier.store import HostRow, Store, changed
from crawler.model import Kind, Outcome, OutcomeKind, Outlink, Receipt

T = TypeVar("T")

_NEW_SEEN = (
    "INSERT INTO seen VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET rank = excluded.rank, round = excluded.round,"
    " place = CASE WHEN seen.round < excluded.round THEN excluded.place ELSE seen.place END"
    " WHERE excluded.rank < seen.rank OR seen.round < excluded.round RETURNING place"
)
_QUEUE = "INSERT INTO queue VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_WAITING = "INSERT INTO waiting VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_LEDGER = "INSERT INTO ledger VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_ATTEMPT = "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FORGET_REFUSAL = (
    "UPDATE origins SET robots_refusal = NULL, robots_failure = NULL, robots_expires = NULL, robots_due = 0"
    " WHERE id = ? AND robots_refusal IS NOT NULL"
)
"""A robots.txt that could not be had is asked for again; one that was had stays in force."""
_FAILURE_TO_ATTEMPT = (
    "INSERT OR REPLACE INTO attempts SELECT round, origin, hash, attempt, url, reason, time, status, ms,"
    " segment, offset, length, record_id, digest, metadata_offset FROM ledger WHERE seq = ?"
)
_HOST = (
    "INSERT INTO hosts VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET smoothed = excluded.smoothed,"
    " backoff = excluded.backoff, next_ready = excluded.next_ready, done = excluded.done"
)


@dataclass(slots=True)
class Applied:
    """What a transaction did; taken over by the working set after COMMIT."""

    outcomes: list[Outcome | None] = field(default_factory=list)
    marked: list[tuple[str, int]] = field(default_factory=list)
    """URLs that are now certainly seen, with their rank."""
    queued: Counter[int] = field(default_factory=Counter)
    """Change of each origin's queue length."""
    touched: set[int] = field(default_factory=set)
    """Origins that got new or moved rows."""
    counts: Counts = field(default_factory=Counts)
    next_id: int = 0


class Transaction:
    """Applies one Commit inside BEGIN … COMMIT; an error leaves the store as it was."""

    def __init__(self, store: Store, claims: Mapping[tuple[int, int], QueueRow], *, depth_matters: bool) -> None:
        self.store, self.claims, self.depth_matters = store, claims, depth_matters
        self.db = store.db
        self.round = store.round
        self.applied = Applied(counts=store.counts, next_id=store.next_id)

    def run(self, work: Callable[[Transaction], T]) -> T:
        """BEGIN, `work`, COMMIT. Raises sqlite3.Error; after one from COMMIT only the reopened file knows what holds."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            result = work(self)
            self._finish_transaction()
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise
        return result

    def apply(self, commit: Commit, hosts: Iterable[HostRow], ready: Iterable[tuple[float, int]], now: float) -> None:
        """All of a batch: its items, the politeness of their hosts, and which origins were served when."""
        self._apply(commit, now)
        self.db.executemany(_HOST, [(h.name, h.smoothed, h.backoff, h.next_ready, h.done) for h in hosts])
        self.db.executemany("UPDATE origins SET ready_at = ? WHERE id = ?", ready)

    def add_seeds(self, urls: Sequence[str]) -> list[int]:
        """Numbers the seeds and queues those that are new."""
        numbers = self.store.number_seeds(urls)
        links = [Outlink(url, Kind.NAVIGATION, 0, 0, 0, number) for url, number in zip(urls, numbers, strict=True)]
        self.queue_links([(link, None) for link in links])
        return numbers

    def _finish_transaction(self) -> None:
        a = self.applied
        rows = [(delta, origin) for origin, delta in a.queued.items() if delta]
        self.db.executemany("UPDATE origins SET queued = queued + ? WHERE id = ?", rows)
        a.counts = replace(a.counts, queued=a.counts.queued + sum(a.queued.values()))
        self.store.save_meta(a.counts, a.next_id, self.store.commits + 1)
        self.db.execute("COMMIT")
        self.store.counts, self.store.next_id = a.counts, a.next_id
        self.store.commits += 1

    def _apply(self, commit: Commit, now: float) -> None:
        parents: list[tuple[CommitItem, int | None]] = []
        for item in commit.items:
            outcome, seq = self._settle(item, now)
            self.applied.outcomes.append(outcome)
            if item.outlinks:
                parents.append((item, seq))
            if item.joins is not None:
                self.db.execute("INSERT OR IGNORE INTO joined VALUES (?, ?)", (item.url.seed, item.joins))
        self.queue_links([(link, seq) for item, seq in parents for link in item.outlinks])
        if commit.segment is not None:
            self.store.save_segment(commit.segment)

    # -- settling one attempt ----------------------------------------------------------------------------------

    def _settle(self, item: CommitItem, now: float) -> tuple[Outcome | None, int | None]:
        """Enters one attempt; returns its outcome, if it has one, and the seq that its outlinks name as via."""
        if item.url.kind is Kind.ROBOTS:
            return self._settle_robots(item, now)
        origin, hash_ = item.url.key
        row = self.claims[item.url.key]
        seen = self.db.execute("SELECT rank, place FROM seen WHERE origin = ? AND hash = ?", (origin, hash_)).fetchone()
        best, place = seen
        self._remove(row, best)
        if row.mode == Mode.REJUDGE:
            return None, place
        match item.disposition:
            case RetryAt(seconds, reason):
                self._enter_attempt(item, origin, hash_, reason)
                self._wait(row, best, now + seconds)
                return None, None
            case Settled():
                self._enter_attempt(item, origin, hash_, None)
                return None, place if place > 0 else None
            case Finished() as finished:
                if place > 0:  # settled meanwhile, as the robots.txt of an origin
                    self._enter_attempt(item, origin, hash_, finished.reason)
                    return None, place
                outcome = self._finish(item, finished, origin, hash_, row.via, best)
                if self._worth_rejudging(best, item):
                    self._again(item.url.url, origin, hash_, unrank(best), Mode.REJUDGE, 1)
                return outcome, outcome.seq

    def _worth_rejudging(self, best: int, item: CommitItem) -> bool:
        """True if a better reason came while it was in flight and its links were judged by the worse one."""
        url = item.url
        if not item.outlinks and item.stored is None:
            return False
        return self._improves(best, rank(url.kind, url.offsite, url.depth))

    def _improves(self, new: int, old: int) -> bool:
        return new < old if self.depth_matters else new >> 16 < old >> 16

    def _remove(self, row: QueueRow, best: int) -> None:
        if row.waiting:
            where = "DELETE FROM waiting WHERE origin = ? AND due = ? AND id = ?"
            self.db.execute(where, (row.origin, row.order, row.id))
        else:
            kind, _, depth = unrank(best)
            # A row promoted while it was claimed lies in the lane of its better rank.
            order = lane(kind, depth) if row.mode == Mode.FETCH else row.order
            self.db.execute("DELETE FROM queue WHERE origin = ? AND lane = ? AND id = ?", (row.origin, order, row.id))
        self.applied.queued[row.origin] -= 1

    def _wait(self, row: QueueRow, best: int, due: float) -> None:
        kind, offsite, depth = unrank(best)
        values = (row.origin, due, row.id, row.hash, row.url, kind, depth, offsite, row.redirects)
        self.db.execute(_WAITING, (*values, row.via, row.seed, row.attempt + 1, row.mode))
        self.applied.queued[row.origin] += 1
        self.applied.touched.add(row.origin)

    def _enter_attempt(self, item: CommitItem, origin: int, hash_: int, reason: str | None) -> None:
        moment = item.time.timestamp()
        values = (self.round, origin, hash_, item.url.attempt, item.url.url, reason, moment, item.status, item.ms)
        self.db.execute(_ATTEMPT, (*values, *stored_columns(item.stored)))
        self.applied.counts = changed(self.applied.counts, bytes=item.bytes)

    def _finish(
        self, item: CommitItem, finished: Finished, origin: int, hash_: int, via: int | None, best: int
    ) -> Outcome:
        url, stored = item.url, item.stored
        seq = self.applied.counts.seq + 1
        values = (seq, self.round, origin, hash_, url.url, finished.kind, finished.reason, item.failure)
        figures = (item.time.timestamp(), item.status, item.media_type, item.bytes, item.ms, url.attempt)
        place = (url.depth, url.kind, via, url.seed, item.title)
        self.db.execute(_LEDGER, (*values, *figures, *place, *stored_columns(stored)))
        self.db.execute("UPDATE seen SET place = ? WHERE origin = ? AND hash = ?", (seq, origin, hash_))
        self._count(item, finished.kind)
        receipt = None
        if stored is not None:
            receipt = Receipt(seq, stored.segment, stored.offset, stored.length, stored.record_id, stored.digest)
        return Outcome(
            kind=finished.kind, url=url.url, seq=seq, time=item.time, reason=finished.reason, failure=item.failure,
            status=item.status, media_type=item.media_type, bytes=item.bytes, ms=item.ms, attempt=url.attempt,
            depth=url.depth, via=url.via, seed=url.via is None and url.kind is Kind.NAVIGATION, title=item.title, receipt=receipt,
        )  # fmt: skip

    def _count(self, item: CommitItem, kind: OutcomeKind) -> None:
        # A redirect is on the way to a page and none itself: `--max-pages 1` must not end between http and https.
        redirect = item.status is not None and 300 <= item.status < 400 and item.status != 304
        whole = kind in (OutcomeKind.ARCHIVED, OutcomeKind.REVISITED)
        page = item.url.kind is Kind.NAVIGATION and whole and not redirect
        deltas = {"seq": 1, "bytes": item.bytes, "pages": int(page), kind.value: 1}
        self.applied.counts = changed(self.applied.counts, **deltas)

    # -- robots.txt --------------------------------------------------------------------------------------------

    def _settle_robots(self, item: CommitItem, now: float) -> tuple[Outcome | None, int | None]:
        gated = item.url.key[0]
        if isinstance(item.disposition, RetryAt):
            self.db.execute(
                "UPDATE origins SET robots_due = ?, robots_attempt = robots_attempt + 1 WHERE id = ?",
                (now + item.disposition.seconds, gated),
            )
        elif item.robots is not None:
            answer = item.robots
            hops = 0 if answer.next_url is None else item.url.redirects + 1
            expires = None if answer.next_url is not None else now + answer.expires_in
            self.db.execute(
                "UPDATE origins SET robots = ?, robots_refusal = ?, robots_failure = ?, robots_expires = ?,"
                " robots_url = ?, robots_hops = ?, robots_due = 0, robots_attempt = 1, robots_delay = ? WHERE id = ?",
                (answer.text, answer.refusal, answer.failure, expires, answer.next_url, hops, answer.crawl_delay, gated),
            )
        origin, hash_ = self.store.origin_id(origin_of(item.url.url)), url_hash(item.url.url)
        if isinstance(item.disposition, RetryAt):
            self._enter_attempt(item, origin, hash_, item.disposition.reason)
            return None, None
        return self._settle_robots_url(item, origin, hash_)

    def _settle_robots_url(self, item: CommitItem, origin: int, hash_: int) -> tuple[Outcome | None, int | None]:
        seen = self.db.execute(
            "SELECT rank, place, round FROM seen WHERE origin = ? AND hash = ?", (origin, hash_)
        ).fetchone()
        if seen is not None and seen[2] == self.round and seen[1] > 0 or not isinstance(item.disposition, Finished):
            self._enter_attempt(item, origin, hash_, None)
            return None, seen[1] if seen is not None else None
        best = rank(Kind.ROBOTS, 0, 0)
        if seen is not None and seen[2] == self.round and seen[1] < 0:
            best = seen[0]
            self._drop_queued(origin, -seen[1], best)
        else:
            mark = "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, 0, ?)"
            self.db.execute(mark, (origin, hash_, best, self.round))
        outcome = self._finish(item, item.disposition, origin, hash_, None, best)
        return outcome, outcome.seq

    def _drop_queued(self, origin: int, id_: int, best: int) -> None:
        """A queued URL turned out to be a robots.txt just fetched: it needs no second fetch, unless it is in flight."""
        if any(row.id == id_ for row in self.claims.values()):
            return
        kind, _, depth = unrank(best)
        gone = self.db.execute(
            "DELETE FROM queue WHERE origin = ? AND lane = ? AND id = ?", (origin, lane(kind, depth), id_)
        ).rowcount
        gone += self.db.execute("DELETE FROM waiting WHERE origin = ? AND id = ?", (origin, id_)).rowcount
        self.applied.queued[origin] -= gone
        self.applied.touched.add(origin)

    # -- queueing ----------------------------------------------------------------------------------------------

    def queue_links(self, links: Sequence[tuple[Outlink, int | None]]) -> int:
        """Marks and queues what is new, promotes what is better; returns how many of them.

        Marked in the order of keys, so that pages of the tree are met once; queued in the order in which they came."""
        best: dict[str, tuple[int, Outlink, int | None]] = {}
        for link, via in links:
            value = rank(link.kind, link.offsite, link.depth)
            if link.again:
                self._fetch_again(link, via)
            elif (known := best.get(link.url)) is None or value < known[0]:
                best[link.url] = (value, link, via)
        first = self.applied.next_id
        self.applied.next_id += len(best)
        keyed = [(self.store.origin_id(origin_of(url)), url_hash(url), id_, url) for id_, url in enumerate(best, first)]
        return sum(self._mark(origin, hash_, id_, *best[url]) for origin, hash_, id_, url in sorted(keyed))

    def _mark(self, origin: int, hash_: int, id_: int, value: int, link: Outlink, via: int | None) -> int:
        self.applied.marked.append((link.url, value))
        found = self.db.execute(_NEW_SEEN, (origin, hash_, value, -id_, self.round)).fetchone()
        if found is None:
            return 0
        place = found[0]
        if place == -id_:
            self._insert(origin, hash_, link, via, Mode.FETCH, 1, id_)
        elif place > 0:
            self._rejudge_settled(origin, hash_, link, place)
        elif place < 0:
            self._promote(origin, -place, link)
        return 1

    def _insert(
        self, origin: int, hash_: int, link: Outlink, via: int | None, mode: Mode, attempt: int, id_: int | None = None
    ) -> None:
        a = self.applied
        if id_ is None:
            id_ = a.next_id
            a.next_id += 1
        order = lane(link.kind, link.depth) if mode == Mode.FETCH else 0
        place = (origin, order, id_, hash_, link.url, link.kind, link.depth, link.offsite, link.redirects)
        self.db.execute(_QUEUE, (*place, via, link.seed, attempt, mode))
        a.queued[origin] += 1
        a.touched.add(origin)

    def _promote(self, origin: int, id_: int, link: Outlink) -> None:
        """Moves the row, in flight or not, to the lane of its better rank."""
        values = (link.kind, link.depth, link.offsite, link.redirects, link.seed)
        sets = "kind = ?, depth = ?, offsite = ?, redirects = ?, seed = ?"
        # The old lane is not known here; an origin's lanes are few (one a depth), and promotion is rare.
        lanes = [row[0] for row in self.db.execute("SELECT DISTINCT lane FROM queue WHERE origin = ?", (origin,))]
        for old in lanes:
            moved = self.db.execute(
                f"UPDATE queue SET lane = ?, {sets} WHERE origin = ? AND lane = ? AND id = ? AND mode = 0",
                (lane(link.kind, link.depth), *values, origin, old, id_),
            ).rowcount
            if moved:
                break
        else:
            self.db.execute(f"UPDATE waiting SET {sets} WHERE origin = ? AND id = ?", (*values, origin, id_))
        self.applied.touched.add(origin)

    def _rejudge_settled(self, origin: int, hash_: int, link: Outlink, seq: int) -> None:
        kind, segment, media_type = self.db.execute(
            "SELECT kind, segment, media_type FROM ledger WHERE seq = ?", (seq,)
        ).fetchone()
        linkless = media_type is not None and media_type.startswith(("image/", "video/", "audio/", "font/"))
        if segment is not None and not linkless and (self.depth_matters or kind != link.kind):
            self._insert(origin, hash_, link, None, Mode.REJUDGE, 1)

    def _again(self, url: str, origin: int, hash_: int, best: tuple[Kind, int, int], mode: Mode, attempt: int) -> None:
        kind, offsite, depth = best
        seed = self.claims[origin, hash_].seed
        link = Outlink(url, kind, depth, offsite, 0, seed)
        self._insert(origin, hash_, link, None, mode, attempt)

    def _fetch_again(self, link: Outlink, via: int | None) -> None:
        """Queues one more fetch of a settled URL, once a round; an unsettled one will be fetched anyway."""
        origin, hash_ = self.store.origin_id(origin_of(link.url)), url_hash(link.url)
        attempt, settled = self.store.next_attempt(origin, hash_)
        if settled and attempt == 2:
            self._insert(origin, hash_, link, via, Mode.AGAIN, attempt)

    def queue_failed(self, rows: Sequence[tuple[int, int, int, str | None]]) -> int:
        """Queues settled failures once more; the new attempt brings the outcome that counts."""
        count = 0
        origins: set[int] = set()
        robots: list[tuple[int, int, int]] = []
        for seq, origin, hash_, _ in rows:
            kind, url, via, seed, attempt = self.db.execute(
                "SELECT kind, url, via, seed, attempt FROM ledger WHERE seq = ?", (seq,)
            ).fetchone()
            if kind == Kind.ROBOTS:
                robots.append((seq, origin, hash_))
                continue
            best = self.db.execute("SELECT rank FROM seen WHERE origin = ? AND hash = ?", (origin, hash_)).fetchone()[0]
            kind, offsite, depth = unrank(best)
            link = Outlink(url, kind, depth, offsite, 0, seed)
            self.db.execute(
                "UPDATE seen SET place = ? WHERE origin = ? AND hash = ?", (-self.applied.next_id, origin, hash_)
            )
            self._insert(origin, hash_, link, via, Mode.FETCH, attempt + 1)
            origins.add(origin)
            count += 1
        for origin in origins:
            self.db.execute(_FORGET_REFUSAL, (origin,))
        count += sum(self._unsettle_robots(*row) for row in robots if row[1] in origins)
        self.applied.counts = changed(self.applied.counts, failed=-count)
        return count

    def _unsettle_robots(self, seq: int, origin: int, hash_: int) -> int:
        """A failed robots.txt is asked for again with the first page of its origin; that brings another outcome."""
        self.db.execute(_FAILURE_TO_ATTEMPT, (seq,))
        self.db.execute("UPDATE seen SET place = 0 WHERE origin = ? AND hash = ?", (origin, hash_))
        return 1
