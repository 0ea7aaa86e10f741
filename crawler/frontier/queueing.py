"""Marking and queueing of links inside a transaction: new ones are queued, better reasons promote, the rest is nothing.

Invariants.
- `seen.rank` is the best reason there was; a row to be fetched for the first time lies in the lane of that rank.
- A row that was promoted while it was claimed moves in the store; the claim is found by its id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from crawler.frontier import Needed, rank, unrank
from crawler.frontier.applied import Applied
from crawler.frontier.ledger import next_attempt, outcomes
from crawler.frontier.rounds import keep_previous
from crawler.frontier.rows import Mode, Reason, lane, origin_of, url_hash
from crawler.frontier.store import Store
from crawler.model import Kind, Outcome, OutcomeKind, Outlink
from crawler.rules.chain import BY_THE_WAY

NEVER_SEEN = 1 << 62
Via = int | None
"""The seq of the outcome that a link was found on; None for a seed."""

_QUEUE = "INSERT INTO queue VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_REASON = "kind = ?, depth = ?, offsite = ?, redirects = ?, seed = ?"
_FORGET_ALL_REFUSALS = (
    "UPDATE origins SET robots_refusal = NULL, robots_failure = NULL, robots_expires = NULL, robots_due = 0"
    " WHERE robots_refusal IS NOT NULL"
)
_FORGET_REFUSAL = f"{_FORGET_ALL_REFUSALS} AND id = ?"
"""A robots.txt that could not be had is asked for again; one that was had stays in force."""
_FORGET_ALL_SILENCE = (
    "UPDATE origins SET silences = 0, silent_until = 0, dead = NULL, dead_failure = NULL WHERE silences > 0"
)
_FORGET_SILENCE = f"{_FORGET_ALL_SILENCE} AND id = ?"
# An outcome that will be superseded: only so the numbers of later attempts follow on its own.
FAILURE_TO_ATTEMPT = (
    "INSERT OR REPLACE INTO attempts SELECT round, origin, hash, attempt, url, reason, time, status, ms,"
    " segment, offset, length, record_id, digest, metadata_offset FROM ledger WHERE seq = ?"
)
WITHOUT_LINKS = ("image/", "video/", "audio/", "font/")


class Queueing:
    """Writes the queue within one transaction."""

    def __init__(self, store: Store, applied: Applied, known: Mapping[str, int], *, depth_matters: bool) -> None:
        """`known`: URLs certainly seen in this round, with a rank; it saves asking the store for them."""
        self._store, self._applied, self._known, self._depth_matters = store, applied, known, depth_matters
        self._db, self._round = store.db, store.round

    def begin_round(self, round_: int) -> None:
        """Nothing is seen in it yet, and whoever did not answer in the one before is asked anew."""
        self._round, self._known = round_, {}
        self._db.execute(_FORGET_ALL_REFUSALS)
        self._db.execute(_FORGET_ALL_SILENCE)

    def add_seeds(self, urls: Sequence[str]) -> list[int]:
        """Numbers the seeds and queues those that are new."""
        numbers = self._store.number_seeds(urls)
        links = [Outlink(url, Kind.NAVIGATION, 0, 0, 0, number) for url, number in zip(urls, numbers, strict=True)]
        self.queue_links([(link, None) for link in links])
        return numbers

    def submit(self, links: Sequence[Outlink]) -> list[Outcome | None]:
        """Queues what is not queued as a page already; returns the outcomes that there are."""
        found: list[Outcome | None] = []
        wanted: list[tuple[Outlink, Via]] = []
        for link in links:
            key = (self._store.origin_id(origin_of(link.url)), url_hash(link.url))
            question = "SELECT rank, place FROM seen WHERE origin = ? AND hash = ? AND round = ?"
            value, place = self._db.execute(question, (*key, self._round)).fetchone() or (None, 0)
            found.append(outcomes(self._db, place - 1, 1)[0] if place > 0 else None)
            if value is not None and place == 0:  # reserved for a robots.txt that is not asked for again by itself
                self._db.execute("DELETE FROM seen WHERE origin = ? AND hash = ?", key)
            if value is None or place == 0 or unrank(value)[0] is not Kind.NAVIGATION:
                wanted.append((link, None))
        self.queue_links(wanted)
        return found

    def queue_links(self, links: Sequence[tuple[Outlink, Via]]) -> int:
        """Marks and queues what is new, promotes what is better; returns how many of them.

        Marked in the order of keys, so that pages of the tree are met once; queued in the order in which they came."""
        best: dict[str, tuple[int, Outlink, Via]] = {}
        known = self._known.get
        for link, via in links:
            if link.again and self._fetch_again(link, via):
                continue
            value = rank(link.kind, link.offsite, link.depth)
            if known(link.url, NEVER_SEEN) <= value:
                continue
            better = best.get(link.url)
            if better is None or value < better[0]:
                best[link.url] = (value, link, via)
        origin_id = self._store.origin_id
        first = self._applied.next_id
        self._applied.next_id += len(best)
        keyed = sorted((origin_id(origin_of(url)), url_hash(url), id_, url) for id_, url in enumerate(best, first))
        return sum(self._mark(origin, hash_, id_, *best[url]) for origin, hash_, id_, url in keyed)

    def _mark(self, origin: int, hash_: int, id_: int, value: int, link: Outlink, via: Via) -> int:
        self._applied.marked.append((link.url, value))
        seen = self._db.execute(
            "SELECT rank, place, round FROM seen WHERE origin = ? AND hash = ?", (origin, hash_)
        ).fetchone()
        if seen is None or seen[2] < self._round:
            if seen is not None:
                keep_previous(self._db, origin, hash_, seen[1])
            mark = "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?)"
            self._db.execute(mark, (origin, hash_, value, -id_, self._round))
            self._insert(id_, origin, hash_, link.url, Reason.of_link(link), via, Mode.FETCH)
            return 1
        old, place, _ = seen
        if value >= old:
            return 0
        self._db.execute("UPDATE seen SET rank = ? WHERE origin = ? AND hash = ?", (value, origin, hash_))
        if place < 0:
            self._promote(origin, -place, old, Reason.of_link(link), link.url)
        elif place > 0 and self.improves(value, old):
            self._reconsider(origin, hash_, link, place, via)
        return 1

    def insert(self, origin: int, hash_: int, url: str, reason: Reason, via: Via, mode: Mode, attempt: int = 1) -> None:
        """A new row of `queue`, under the next id."""
        self._insert(self._applied.next_id, origin, hash_, url, reason, via, mode, attempt)
        self._applied.next_id += 1

    def _insert(
        self, id_: int, origin: int, hash_: int, url: str, reason: Reason, via: Via, mode: Mode, attempt: int = 1
    ) -> None:
        place = (origin, reason.lane(url), id_, hash_, url, *reason[:4])
        self._db.execute(_QUEUE, (*place, via, reason.seed, attempt, mode))
        self._applied.queued[origin] += 1
        self._applied.touched.add(origin)

    def improves(self, new: int, old: int) -> bool:
        """True if links judged for the old rank may be judged otherwise for the new one."""
        return new < old if self._depth_matters else new >> 16 < old >> 16

    def _promote(self, origin: int, id_: int, old: int, reason: Reason, url: str) -> None:
        """Moves the row, in flight or not, to the lane of its better rank."""
        kind, _, depth = unrank(old)
        moved = self._db.execute(
            f"UPDATE queue SET lane = ?, {_REASON} WHERE origin = ? AND lane = ? AND id = ?",
            (reason.lane(url), *reason, origin, lane(kind, depth, url), id_),
        ).rowcount
        if not moved:
            self._db.execute(f"UPDATE waiting SET {_REASON} WHERE origin = ? AND id = ?", (*reason, origin, id_))
        self._applied.touched.add(origin)

    def _reconsider(self, origin: int, hash_: int, link: Outlink, seq: int, via: Via) -> None:
        """A settled URL is wanted for a better reason: its links are judged again; if it was left out for how it had
        been found, it is offered again."""
        kind, segment, media_type, outcome, why = self._db.execute(
            "SELECT kind, segment, media_type, outcome, reason FROM ledger WHERE seq = ?", (seq,)
        ).fetchone()
        if outcome == OutcomeKind.EXCLUDED and why in BY_THE_WAY:
            self.offer_excluded(seq, Reason.of_link(link), via)
            return
        linkless = kind == Kind.ROBOTS or (media_type or "").startswith(WITHOUT_LINKS)
        if segment is not None and not linkless:
            self.insert(origin, hash_, link.url, Reason.of_link(link), None, Mode.REJUDGE)

    def _fetch_again(self, link: Outlink, via: Via) -> bool:
        """Queues one more fetch of a settled URL, once a round. False for one that has no outcome yet."""
        origin, hash_ = self._store.origin_id(origin_of(link.url)), url_hash(link.url)
        attempt, settled = next_attempt(self._db, self._round, origin, hash_)
        if not settled:
            return False
        first = self._db.execute(
            "UPDATE ledger SET again = 1 WHERE again = 0"
            " AND seq = (SELECT place FROM seen WHERE origin = ? AND hash = ?)",
            (origin, hash_),
        ).rowcount
        if first:
            self.insert(origin, hash_, link.url, Reason.of_link(link), via, Mode.AGAIN, attempt)
        return True

    def offer_excluded(self, seq: int, reason: Reason, via: Via) -> None:
        """Queues an excluded URL to be fetched after all; its outcome becomes an attempt, as a failure's does."""
        url, origin, hash_ = self._db.execute("SELECT url, origin, hash FROM ledger WHERE seq = ?", (seq,)).fetchone()
        attempt, _ = next_attempt(self._db, self._round, origin, hash_)
        self._db.execute(FAILURE_TO_ATTEMPT, (seq,))
        place = "UPDATE seen SET place = ? WHERE origin = ? AND hash = ?"
        self._db.execute(place, (-self._applied.next_id, origin, hash_))
        self.insert(origin, hash_, url, reason, via, Mode.FETCH, attempt)
        self._applied.figures["excluded"] -= 1

    # -- failures offered again --------------------------------------------------------------------------------

    def queue_failed(
        self, rows: Sequence[tuple[int, int, int, str | None]], wanted: Set[tuple[int, int]] | None = None
    ) -> int:
        """Queues settled failures once more, those of `wanted` if given, by origin and hash; the new attempt brings the
        outcome that counts."""
        count = 0
        origins: set[int] = set()
        robots: list[tuple[int, int, int]] = []
        for seq, origin, hash_, _ in rows:
            kind, url, via, seed = self._db.execute(
                "SELECT kind, url, via, seed FROM ledger WHERE seq = ?", (seq,)
            ).fetchone()
            if kind == Kind.ROBOTS:
                robots.append((seq, origin, hash_))
                continue
            key = (origin, hash_)
            if wanted is not None and key not in wanted:
                continue
            attempt, _ = next_attempt(self._db, self._round, *key)
            best = self._db.execute("SELECT rank FROM seen WHERE origin = ? AND hash = ?", key).fetchone()[0]
            self._db.execute(FAILURE_TO_ATTEMPT, (seq,))
            kind, offsite, depth = unrank(best)
            place = "UPDATE seen SET place = ? WHERE origin = ? AND hash = ?"
            self._db.execute(place, (-self._applied.next_id, *key))
            self.insert(origin, hash_, url, Reason(kind, depth, offsite, 0, seed), via, Mode.FETCH, attempt)
            origins.add(origin)
            count += 1
        for origin in origins:
            self._db.execute(_FORGET_REFUSAL, (origin,))
            self._db.execute(_FORGET_SILENCE, (origin,))
        count += sum(self._unsettle_robots(*row) for row in robots if row[1] in origins)
        self._applied.figures["failed"] -= count
        self._applied.robots.update((origin, self._store.load_origin(origin)) for origin in origins)
        return count

    def queue_missing(self, links: Sequence[Needed], failed: Sequence[tuple[int, int, int, str | None]]) -> int:
        """Queues what is new, and of the round's failures those that are among the links."""
        wanted = {(self._store.origin_id(origin_of(need.link.url)), url_hash(need.link.url)) for need in links}
        again = self.queue_failed(failed, wanted)
        return again + self.queue_links([(need.link, need.via) for need in links])

    def _unsettle_robots(self, seq: int, origin: int, hash_: int) -> int:
        """A failed robots.txt is asked for again with the first page of its origin; that brings another outcome."""
        self._db.execute(FAILURE_TO_ATTEMPT, (seq,))
        self._db.execute("UPDATE seen SET place = 0 WHERE origin = ? AND hash = ?", (origin, hash_))
        return 1
