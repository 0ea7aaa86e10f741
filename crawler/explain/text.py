"""An explanation as lines for people, and as JSON for programs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from crawler.clock import utc
from crawler.explain.explanation import Explanation, RobotsSays
from crawler.model import Kind, Outcome, Receipt
from crawler.report.text import printable, status_word
from crawler.units import show_bytes, show_seconds

_WANTED_AS = {
    Kind.NAVIGATION: "page",
    Kind.REQUISITE: "requisite",
    Kind.GUESS: "guess",
    Kind.ROBOTS: "robots.txt",
    Kind.SITEMAP: "sitemap",
}
_UNLINKED = frozenset({Kind.ROBOTS, Kind.SITEMAP})
_SHOWN = 12
"""Steps of a long way that are shown."""


def lines_of(e: Explanation) -> Iterator[str]:
    """What is known, most important first; each line begins with what it is about."""
    yield printable(e.url)
    yield from _column("outcome", _outcome(e))
    yield from _column("record", _record(e))
    yield from _column("found on", _way(e))
    yield from _column("rules", _rules(e))
    yield from _column("attempts", _attempts(e))
    yield from _column("robots.txt", _robots(e))
    yield from _column("host", _host(e))


def _column(name: str, lines: Iterator[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"  {name if number == 0 else '':<11}{printable(line)}"


def _outcome(e: Explanation) -> Iterator[str]:
    if e.known is None:
        yield f"never queued{f' in round {e.round}' if e.round > 1 else ''}; it would be {_fate(e)}"
    elif e.known.outcome is not None:
        yield _settled(e.known.outcome)
    elif e.known.waiting is None:
        yield "under way"
    elif e.known.waiting.due is not None:
        yield f"waits for attempt {e.known.waiting.attempt}, {_when(e.known.waiting.due, e.now)}"
    else:
        yield "queued, or being fetched at this moment"


def _fate(e: Explanation) -> str:
    return "taken as a link" if e.accepted else "left out"


def _settled(outcome: Outcome) -> str:
    parts = [f"{outcome.kind.value} as number {outcome.seq}"]
    if outcome.status is not None:
        parts.append(f"{status_word(outcome) if outcome.kind != 'failed' else outcome.status}")
        parts.append(show_bytes(outcome.bytes))
        parts += [outcome.media_type] if outcome.media_type else []
        parts.append(f"{outcome.ms} ms")
    parts += [outcome.reason] if outcome.reason else []
    return f"{', '.join(parts)}; {_stamp(outcome.time)}"


def _record(e: Explanation) -> Iterator[str]:
    outcome = None if e.known is None else e.known.outcome
    if outcome is not None and outcome.receipt is not None:
        yield from _place(outcome.receipt)


def _place(receipt: Receipt) -> Iterator[str]:
    yield f"archive/{receipt.segment}, offset {receipt.offset}, {receipt.length} bytes"
    yield receipt.record_id + (f", payload {receipt.digest}" if receipt.digest else "")


def _way(e: Explanation) -> Iterator[str]:
    if e.known is None:
        if e.assumed is not None:
            yield f"nowhere yet; judged as a link on a page of {e.assumed.seed_url}"
        return
    own = f"{_WANTED_AS[e.known.kind]}, depth {e.known.depth}"
    if not e.known.via:
        whence = "asked for by the crawl itself" if e.known.kind in _UNLINKED else "named as a seed"
        yield f"nowhere: {whence} ({own})"
        return
    steps = e.known.via
    for number, step in enumerate(steps[:_SHOWN]):
        yield f"{step.url}  ({own})" if number == 0 else f"{step.url}"
    if len(steps) > _SHOWN:
        yield f"… {len(steps) - _SHOWN} more, from {steps[-1].url}"


def _rules(e: Explanation) -> Iterator[str]:
    for rule in e.rules:
        if rule.accepted is not None:
            said = "takes it" if rule.accepted else "leaves it out"
            yield f"{rule.rule}: {said}{f' ({rule.why})' if rule.why else ''}{', and decides' if rule.decided else ''}"


def _attempts(e: Explanation) -> Iterator[str]:
    if e.known is None:
        return
    for attempt in e.known.attempts:
        said = [] if attempt.status is None else [str(attempt.status)]
        said += [attempt.reason or "beyond the outcome", f"{attempt.ms} ms"]
        yield f"{attempt.number}: {', '.join(said)}; {_iso(attempt.time)}"
        if attempt.receipt is not None:
            yield f"   archive/{attempt.receipt.segment}, offset {attempt.receipt.offset}"
    outcome = e.known.outcome
    if e.known.attempts and outcome is not None:
        yield f"{outcome.attempt}: the one that counts"


def _robots(e: Explanation) -> Iterator[str]:
    sentence = {
        RobotsSays.ALLOWED: "allows it",
        RobotsSays.FORBIDDEN: "forbids it",
        RobotsSays.UNREACHABLE: "could not be had, so nothing may be asked",
        RobotsSays.UNKNOWN: "not asked for yet",
        RobotsSays.IGNORED: "not obeyed (--no-robots)",
    }[e.robots]
    origin = e.origin
    if origin is not None and e.robots is RobotsSays.UNREACHABLE:
        sentence += f": {origin.robots_refusal}"
    if origin is not None and origin.robots_expires is not None and e.robots is not RobotsSays.IGNORED:
        sentence += f"; asked for again {_when(origin.robots_expires, e.now)}, if need be"
    yield sentence


def _host(e: Explanation) -> Iterator[str]:
    host, origin = e.host, e.origin
    if host is None:
        yield "not asked for anything yet"
        return
    yield host.name + (f" at {host.address}" if host.address else "") + f", {host.done} requests so far"
    smoothed = "" if host.smoothed is None else f", answers in {host.smoothed * 1000:.0f} ms"
    backoff = f", {host.backoff:.3g} s of it back-off" if host.backoff else ""
    yield f"{e.delay:.3g} s between two requests{backoff}{smoothed}; the next {_when(host.next_ready, e.now)}"
    if origin is not None:
        yield f"{origin.queued} URLs of {origin.name} queued"
        if origin.life.is_dead(e.now):
            yield f"dead: {origin.life.dead}; asked again {_when(origin.life.until, e.now)}"
        elif origin.life.parked:
            probe = _when(origin.life.until, e.now)
            yield f"parked after {origin.life.silences} attempts without answer; the next probe {probe}"


def _when(moment: float, now: float) -> str:
    left = moment - now
    return "at any time" if left <= 0 else f"in {show_seconds(left)} ({_iso(moment)})"


def _iso(moment: float) -> str:
    return _stamp(utc(moment))


def _stamp(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


# -- JSON ------------------------------------------------------------------------------------------------------


def json_of(e: Explanation) -> dict[str, Any]:
    """The same for programs; what is not known is null. Times as in `logs/urls.jsonl`."""
    known, origin, host = e.known, e.origin, e.host
    return {
        "url": e.url,
        "round": e.round,
        "state": _state(e),
        "accepted": e.accepted,
        "kind": None if known is None else _WANTED_AS[known.kind],
        "depth": None if known is None else known.depth,
        "via": [] if known is None else [step.url for step in known.via],
        "due": None if known is None or known.waiting is None else _moment(known.waiting.due),
        "outcome": None if known is None or known.outcome is None else _outcome_json(known.outcome),
        "rules": [
            {"rule": rule.rule, "accepted": rule.accepted, "why": rule.why, "decided": rule.decided}
            for rule in e.rules
        ],
        "attempts": [
            {
                "attempt": attempt.number, "time": _moment(attempt.time), "status": attempt.status,
                "reason": attempt.reason, "ms": attempt.ms, "record": _receipt_json(attempt.receipt),
            }
            for attempt in (() if known is None else known.attempts)
        ],
        "robots": {
            "verdict": e.robots.value,
            "reason": None if origin is None else origin.robots_refusal,
            "expires": None if origin is None else _moment(origin.robots_expires),
            "crawl_delay": None if origin is None else origin.robots_delay,
        },
        "host": None
        if host is None
        else {
            "name": host.name, "address": host.address, "requests": host.done, "delay": e.delay,
            "backoff": host.backoff, "answer_time": host.smoothed, "next_request": _moment(host.next_ready),
        },
        "origin": None
        if origin is None
        else {
            "name": origin.name, "queued": origin.queued, "silences": origin.life.silences,
            "parked_until": _moment(origin.life.until) if origin.life.parked else None,
            "dead": origin.life.dead if origin.life.is_dead(e.now) else None,
        },
    }  # fmt: skip


def _state(e: Explanation) -> str:
    if e.known is None:
        return "unknown"
    if e.known.outcome is not None:
        return e.known.outcome.kind.value
    return "waiting" if e.known.waiting is not None and e.known.waiting.due is not None else "queued"


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "seq": outcome.seq, "outcome": outcome.kind.value, "reason": outcome.reason,
        "failure": None if outcome.failure is None else outcome.failure.value, "status": outcome.status,
        "media_type": outcome.media_type, "bytes": outcome.bytes, "ms": outcome.ms, "attempt": outcome.attempt,
        "time": None if outcome.time is None else _moment(outcome.time.timestamp()),
        "record": _receipt_json(outcome.receipt),
    }  # fmt: skip


def _receipt_json(receipt: Receipt | None) -> dict[str, Any] | None:
    if receipt is None:
        return None
    return {
        "segment": receipt.segment, "offset": receipt.offset, "length": receipt.length,
        "record_id": receipt.record_id, "digest": receipt.digest,
    }  # fmt: skip


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else utc(seconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
