"""Line logs that are derived from the ledger: `logs/urls.jsonl` and `pages/pages.jsonl`.

Terms. Each line is a JSON object with the `seq` of the outcome it tells of.

Invariants.
- Lines are written after the commit of what they tell, so the log is never ahead of the ledger.
- On opening, the log is cut where a crash left a line torn or a hole, and the lines that are missing from there on are
  written; so after that, the log tells exactly what the ledger holds.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from crawler.model import Outcome, OutcomeKind

Render = Callable[[Outcome], str | None]
TAIL = 1 << 16
"""Bytes that are read at a time, from the end, in search of the last whole line."""
BLOCK = 1 << 20
"""Bytes that are read at a time in search of a hole."""


class DerivedLog:
    """One log file; `render` gives an outcome's line without line end, or None if it has none in this log."""

    def __init__(self, path: Path, render: Render, *, header: str | None = None) -> None:
        self.path, self._render, self._header = path, render, header
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "a+b", buffering=0)  # noqa: SIM115 - closed by close()
        self._end = 0
        """Length of the file up to its last whole line, once a write failed."""
        self.behind = False
        """True once a write failed: nothing more is written before `catch_up`, so that no line is ever missing between
        two that are there."""
        self.last_seq = self._cut_torn_tail()

    def catch_up(self, outcomes: Iterable[Outcome]) -> None:
        """Writes the lines that are missing; `outcomes` begins after `last_seq`. Raises OSError."""
        if self.behind:
            self._file.truncate(self._end)  # what the failed write left, if that could not be cut at once
            self.behind = False
        pending: list[Outcome] = []
        for outcome in outcomes:
            pending.append(outcome)
            if len(pending) >= 1000:
                self.write(pending)
                pending.clear()
        self.write(pending)

    def write(self, outcomes: Iterable[Outcome]) -> None:
        """Appends the outcomes' lines, unless the log is behind. Raises OSError; then none of them is there."""
        if self.behind:
            return
        lines, last = [], self.last_seq
        for outcome in outcomes:
            line = self._render(outcome)
            if line is not None:
                lines.append(line)
            last = outcome.seq
        if lines:
            # A lone surrogate becomes an escape, which JSON knows too.
            self._append(("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))
        self.last_seq = last

    def close(self) -> None:
        self._file.close()

    def _append(self, data: bytes) -> None:
        self._end = self._file.seek(0, os.SEEK_END)
        try:
            with memoryview(data) as view:
                done = 0
                while done < len(view):  # an unbuffered write may be short
                    done += self._file.write(view[done:])
        except OSError:
            self.behind = True
            with contextlib.suppress(OSError):
                self._file.truncate(self._end)
            raise

    def _cut_torn_tail(self) -> int:
        """Cuts the file after the whole lines that it begins with; returns the last one's seq, 0 if there is none."""
        end = self._whole_bytes()
        while (whole := self._newline_before(end) + 1) > 0:
            start = self._newline_before(whole - 1) + 1
            self._file.seek(start)
            seq = _seq_of(self._file.read(whole - start))
            if seq is not None:
                self._file.truncate(whole)
                self._file.seek(0, os.SEEK_END)
                return seq
            end = start  # zeros or half a block after a power cut
        self._file.truncate(0)
        self._write_header()
        return 0

    def _whole_bytes(self) -> int:
        """The length of the file up to the first zero byte, which no line has: a power cut may leave a block unwritten
        between two that were."""
        self._file.seek(0)
        length = 0
        while data := self._file.read(BLOCK):
            hole = data.find(b"\0")
            if hole >= 0:
                return length + hole
            length += len(data)
        return length

    def _newline_before(self, end: int) -> int:
        """The offset of the last line end before `end`; -1 if there is none."""
        while end > 0:
            start = max(0, end - TAIL)
            self._file.seek(start)
            newline = self._file.read(end - start).rfind(b"\n")
            if newline >= 0:
                return start + newline
            end = start
        return -1

    def _write_header(self) -> None:
        if self._header is not None:
            self._file.write((self._header + "\n").encode())


def _seq_of(line: bytes) -> int | None:
    """The line's seq; a header's is 0; None for a line that is not whole."""
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    if not isinstance(fields, dict):
        return None
    seq = fields.get("seq", 0)
    return seq if isinstance(seq, int) and seq >= 0 else None


def urls_line(outcome: Outcome) -> str:
    """A line of `logs/urls.jsonl`."""
    receipt = outcome.receipt
    return json.dumps(
        {
            "seq": outcome.seq,
            "time": None if outcome.time is None else outcome.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "url": outcome.url,
            "outcome": outcome.kind.value,
            "reason": outcome.reason,
            "status": outcome.status,
            "bytes": outcome.bytes,
            "ms": outcome.ms,
            "attempt": outcome.attempt,
            "depth": outcome.depth,
            "via": outcome.via,
            "segment": None if receipt is None else receipt.segment,
            "offset": None if receipt is None else receipt.offset,
            **({"round": outcome.round} if outcome.round > 1 else {}),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


PAGES_HEADER = json.dumps({"format": "json-pages-1.0", "id": "pages", "title": "All Pages"})


def _shows_page(outcome: Outcome) -> bool:
    """A 304 shows the page of an earlier round."""
    return outcome.status == 200 or (outcome.status == 304 and outcome.kind is OutcomeKind.REVISITED)


def pages_line(outcome: Outcome) -> str | None:
    """A line of `pages/pages.jsonl` (WACZ 1.1.1): an HTML page that was fetched as a page."""
    if not outcome.page or not _shows_page(outcome) or outcome.media_type not in ("text/html", "application/xhtml+xml"):
        return None
    if outcome.receipt is None or outcome.time is None:
        return None
    return json.dumps(
        {
            "id": outcome.receipt.record_id.removeprefix("<urn:uuid:").removesuffix(">"),
            "url": outcome.url,
            "ts": outcome.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "title": outcome.title or outcome.url,
            "seq": outcome.seq,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
