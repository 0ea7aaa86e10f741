"""How URLs get into the state of a frontier in memory: seeds, links, submissions, failures offered again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from msgspec.structs import replace

from crawler.frontier import Counts, ExcludedURL, Needed, rank, unrank
from crawler.liveness import Liveness
from crawler.model import FailureKind, Kind, Outcome, OutcomeKind, Outlink
from crawler.rules.chain import BY_THE_WAY
from tests.support.memory_state import Entry, Mode, Row, Seen, State, origin_of

LINKLESS = ("image/", "video/", "audio/", "font/")
GOOD = (OutcomeKind.ARCHIVED, OutcomeKind.REVISITED)


class Queueing:
    """Works on a state of its own; `figures` are the changes of its counts."""

    def __init__(self, state: State, *, depth_matters: bool) -> None:
        self.state, self._depth_matters = state, depth_matters
        self.figures: Counter[str] = Counter()

    def finished(self) -> State:
        """The state with its figures."""
        counts = self.state.counts
        waiting = sum(row.due is not None for row in self.state.rows.values())
        changed = {name: getattr(counts, name) + by for name, by in self.figures.items()}
        return replace(self.state, counts=replace(counts, **changed, queued=len(self.state.rows), waiting=waiting))

    def add_seeds(self, urls: Sequence[str]) -> list[int]:
        seeds = self.state.seeds
        numbers = [seeds.setdefault(url, len(seeds) + 1) for url in urls]
        links = [Outlink(url, Kind.NAVIGATION, 0, 0, 0, number) for url, number in zip(urls, numbers, strict=True)]
        self.queue((link, None) for link in links)
        return numbers

    def begin_round(self, urls: Sequence[str]) -> list[int]:
        state = self.state
        if state.rows:
            raise ValueError(f"round {state.round} is not finished")
        state.round += 1
        state.counts = Counts(seq=state.counts.seq)
        for origin in {*state.gates, *state.lives}:
            self.forgive(origin)
        return self.add_seeds(urls)

    def forgive(self, origin: str) -> None:
        """Who did not answer is asked anew."""
        gate, life = self.state.gate(origin), self.state.life(origin)
        if gate.refusal is not None:
            self.state.gates[origin] = replace(gate, refusal=None, failure=None, expires=None, due=0.0)
        if life.silences:
            self.state.lives[origin] = Liveness(answered=life.answered)

    def submit(self, links: Sequence[Outlink]) -> list[Outcome | None]:
        found: list[Outcome | None] = []
        wanted = []
        for link in links:
            seen = self.state.seen.get(link.url)
            if seen is not None and seen.round < self.state.round:
                seen = None
            found.append(None if seen is None or seen.seq is None else self.state.ledger[seen.seq].outcome)
            reserved = seen is not None and seen.row is None and seen.seq is None
            if reserved:
                del self.state.seen[link.url]
            if seen is None or reserved or unrank(seen.rank)[0] is not Kind.NAVIGATION:
                wanted.append((link, None))
        self.queue(wanted)
        return found

    def queue(self, links: Iterable[tuple[Outlink, int | None]]) -> int:
        """Queues what is new, promotes what is better: the best reason of the batch for each URL."""
        best: dict[str, tuple[int, Outlink, int | None]] = {}
        for link, via in links:
            origin_of(link.url)
            if link.again and self._once_more(link, via):
                continue
            value = rank(link.kind, link.offsite, link.depth)
            if link.url not in best or value < best[link.url][0]:
                best[link.url] = (value, link, via)
        return sum(self._want(*each) for each in best.values())

    def insert(self, link: Outlink, via: int | None, mode: Mode = Mode.FETCH, attempt: int = 1) -> int:
        id_ = self.state.next_row
        self.state.next_row += 1
        self.state.rows[id_] = Row(id_, link, via, attempt, mode)
        return id_

    def improves(self, new: int, old: int) -> bool:
        """Whether links may be judged otherwise for the new reason."""
        return new < old if self._depth_matters else new >> 16 < old >> 16

    def met_again(self, url: str) -> None:
        """A URL of an earlier round is met in this one."""
        seen = self.state.seen.get(url)
        if seen is None or seen.seq is None or seen.round == self.state.round:
            return
        outcome = self.state.ledger[seen.seq].outcome
        if outcome.kind in GOOD and outcome.status not in (None, 304):
            self.state.previous[url] = seen.seq

    def _want(self, value: int, link: Outlink, via: int | None) -> bool:
        state = self.state
        seen = state.seen.get(link.url)
        if seen is None or seen.round < state.round:
            self.met_again(link.url)
            state.seen[link.url] = Seen(value, state.round, row=self.insert(link, via))
            return True
        if value >= seen.rank:
            return False
        state.seen[link.url] = replace(seen, rank=value)
        if seen.row is not None:
            state.rows[seen.row] = replace(state.rows[seen.row], link=link)
        elif seen.seq is not None and self.improves(value, seen.rank):
            entry = state.ledger[seen.seq]
            if entry.outcome.kind is OutcomeKind.EXCLUDED and entry.outcome.reason in BY_THE_WAY:
                state.seen[link.url] = Seen(value, state.round, row=self.insert(link, via))
                self.figures["excluded"] -= 1
                return True
            linkless = entry.kind is Kind.ROBOTS or (entry.outcome.media_type or "").startswith(LINKLESS)
            if entry.outcome.receipt is not None and not linkless:
                self.insert(link, None, Mode.REJUDGE)
        return True

    def _once_more(self, link: Outlink, via: int | None) -> bool:
        seq = self.state.seq_of(link.url)
        if seq is None:
            return False
        entry = self.state.ledger[seq]
        if not entry.again:
            self.state.ledger[seq] = replace(entry, again=True)
            self.insert(link, via, Mode.AGAIN)
        return True

    # -- offered again -----------------------------------------------------------------------------------------

    def requeue_failed(self, kinds: frozenset[FailureKind] | None, wanted: Collection[str] | None = None) -> int:
        state = self.state
        failed = [
            seq for url, seen in state.seen.items()
            if (seq := state.seq_of(url)) is not None
            and state.ledger[seq].outcome.kind is OutcomeKind.FAILED
            and (kinds is None or state.ledger[seq].outcome.failure in kinds)
        ]  # fmt: skip
        pages = [seq for seq in sorted(failed) if state.ledger[seq].kind is not Kind.ROBOTS]
        chosen = [seq for seq in pages if wanted is None or state.ledger[seq].outcome.url in wanted]
        origins = {origin_of(state.ledger[seq].outcome.url) for seq in chosen}
        for seq in chosen:
            self._offer_again(seq)
        for origin in origins:
            self.forgive(origin)
        gates = [seq for seq in failed if seq not in pages and origin_of(state.ledger[seq].outcome.url) in origins]
        for seq in gates:
            url = state.ledger[seq].outcome.url
            state.seen[url] = replace(state.seen[url], seq=None)
        self.figures["failed"] -= len(chosen) + len(gates)
        return len(chosen) + len(gates)

    def queue_missing(self, links: Sequence[Needed]) -> int:
        again = self.requeue_failed(None, {need.link.url for need in links})
        return again + self.queue((need.link, need.via) for need in links)

    def requeue_excluded(self, seqs: Sequence[int]) -> None:
        for seq in seqs:
            self._offer_again(seq)
        self.figures["excluded"] -= len(seqs)

    def _offer_again(self, seq: int) -> None:
        entry = self.state.ledger[seq]
        url = entry.outcome.url
        seen = self.state.seen[url]
        kind, offsite, depth = unrank(seen.rank)
        row = self.insert(Outlink(url, kind, depth, offsite, 0, entry.seed), entry.via)
        self.state.seen[url] = replace(seen, row=row, seq=None)

    def rejudge_settled(self) -> int:
        count = 0
        for entry in self._settled(*GOOD):
            if entry.kind is Kind.ROBOTS or (entry.outcome.media_type or "").startswith(LINKLESS):
                continue
            kind, offsite, depth = unrank(self.state.seen[entry.outcome.url].rank)
            self.insert(Outlink(entry.outcome.url, kind, depth, offsite, 0, entry.seed), None, Mode.REJUDGE)
            count += 1
        return count

    def excluded(self, since: int) -> list[ExcludedURL]:
        found = []
        state = self.state
        for entry in self._settled(OutcomeKind.EXCLUDED):
            outcome = entry.outcome
            kind, offsite, depth = unrank(state.seen[outcome.url].rank)
            if outcome.seq > since:
                nesting = state.nesting(kind, entry.via)
                why = outcome.reason or ""
                found.append(ExcludedURL(outcome.seq, outcome.url, why, kind, depth, offsite, entry.seed, nesting))
        return found

    def _settled(self, *kinds: OutcomeKind) -> list[Entry]:
        """The round's URLs with such an outcome."""
        state = self.state
        current = [entry for seq, entry in state.ledger.items() if state.seq_of(entry.outcome.url) == seq]
        return [entry for entry in current if entry.outcome.kind in kinds]
