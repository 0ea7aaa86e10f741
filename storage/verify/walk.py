"""One file of records read from end to end, past whatever damage it has; every record is judged where it stands."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from storage.arc import is_arc
from storage.errors import CorruptArchive, TornRecord
from storage.frames import DICTIONARY_MAGIC, Compression, compression_of, frames
from storage.httpmessage import HEAD_LIMIT
from storage.members import Readable
from storage.resync import next_record
from storage.sources import Source
from storage.verify.digests import BlockCheck
from storage.verify.header import Header, Problem, read_header
from storage.verify.rules import Finding, Rule, finding
from storage.verify.tape import Tape

_END = b"\r\n\r\n"
_BEGINNING = b"WARC/"
_KEPT = HEAD_LIMIT
"""Bytes of a block that are handed on with the record, so that its HTTP head can be looked at."""


class Seen(Struct, frozen=True):
    """A whole record, judged."""

    header: Header
    offset: int
    length: int | None
    """Bytes of its frame, where it has one to itself."""
    beginning: bytes
    """The first bytes of its block."""


class _Lost(Exception):
    """A plain file's next record must be searched from here on."""

    def __init__(self, offset: int, *, told: bool = True) -> None:
        """`told`: what is wrong was said already."""
        self.offset, self.told = offset, told
        super().__init__(offset)


class Walk:
    """Reads a file; `seen` is called with each whole record, `report` with each finding.

    Raises OSError; nothing else, whatever the file holds."""

    def __init__(
        self,
        source: Source,
        report: Callable[[Finding], None],
        seen: Callable[[Seen], None],
        advance: Callable[[int], None],
        committed: int = 0,
    ) -> None:
        """Of a file that is being written, what lies below `committed` must be whole all the same."""
        self._committed = committed
        self._source, self._report, self._seen, self._advance = source, report, seen, advance
        self._label = source.label
        self.records = 0
        self._told_shared = False
        self._told = 0  # bytes that were told to `advance`
        self._compression = Compression.NONE
        self._dictionary = False
        self._size = 0

    def run(self) -> None:
        with self._source.open() as file:
            start = file.read(4)
            self._compression = compression_of(start)
            self._dictionary = start == DICTIONARY_MAGIC
            self._size = file.seek(0, 2)
            if self._source.provisional:
                self._say(Rule.PROVISIONAL, "unsealed; what is found here may be completed yet")
            on: int | None = 0
            while on is not None:
                on = self._read_from(file, on)
            self._advance(max(0, self._size - self._told))
        if not self.records and not self._size and not self._source.provisional:
            self._say(Rule.FILE_EMPTY, "no record")

    def _read_from(self, file: Readable, start: int) -> int | None:
        """Reads from an offset on; returns where to go on after damage, None at the end."""
        tape = None
        try:
            tape = Tape(frames(file, self._label, self._compression, start), self._compression)
            if start == 0 and tape.more() and is_arc(tape.peek(64 << 10)):
                self._read_arc(tape)
            while tape.more():
                self._read_record(tape)
        except CorruptArchive as error:
            return self._damaged(file, error, start)
        except _Lost as lost:
            return self._lost(file, lost)
        return None

    def _read_record(self, tape: Tape) -> None:
        offset, alone = tape.offset, tape.at_frame_start or not tape.compressed
        if offset - self._told > 1 << 20:
            self._advance(offset - self._told)
            self._told = offset
        tape.crossed = False
        if tape.peek(5) != _BEGINNING:
            self._no_record(tape, offset)
            return
        found = tape.take_header()
        if found is None:
            self._say(Rule.HEADER, "the header does not end", offset)
            self._give_up(tape, offset + 1)
            return
        header = read_header(found[0])
        if found[1] != _END:
            header.problems.append((Rule.LINE_END, "the header ends with bare line feeds"))
        if header.length is None:
            self._tell(header, header.problems, offset)
            self._give_up(tape, tape.offset)
            return
        self.records += 1
        whole, beginning = self._read_block(tape, header, offset)
        if whole:
            self._read_end(tape, header, offset)
            alone = alone and not (tape.compressed and (tape.crossed or tape.in_frame()))
            if tape.compressed and not alone:
                self._shared(offset)
            self._seen(Seen(header, offset, tape.frame_length if alone and tape.compressed else None, beginning))

    def _read_block(self, tape: Tape, header: Header, offset: int) -> tuple[bool, bytes]:
        """Takes the block and judges the record; False if it is shorter than it says, and the block's beginning."""
        assert header.length is not None
        left, beginning = header.length, b""
        check = BlockCheck(header)
        after_header = tape.offset
        there = self._size - after_header
        if not tape.compressed and header.length > there:  # known without reading all of it, for each such header
            self._tell(header, header.problems, offset)
            self._short(tape, header, header.length - there, offset, after_header)
        while left:
            piece = tape.take(left)
            if not piece and not self._continues(tape):
                self._tell(header, header.problems, offset)
                self._short(tape, header, left, offset, after_header)
                return False, beginning
            check.feed(piece)
            if len(beginning) < _KEPT:
                beginning += piece[:_KEPT]
            left -= len(piece)
        self._tell(header, header.problems + check.problems(), offset)
        return True, beginning

    def _continues(self, tape: Tape) -> bool:
        """True if the next frame goes on with the record that this one holds no more of."""
        return tape.compressed and tape.more() and tape.peek(5) != _BEGINNING

    def _short(self, tape: Tape, header: Header, left: int, offset: int, after_header: int) -> None:
        message = f"{header.length - left if header.length else 0} of {header.length} bytes are there"
        if tape.compressed or not self._may_be_torn(offset):
            self._say(Rule.RECORD_LENGTH if tape.compressed else Rule.FILE_TORN, message, offset, header.id)
        else:
            self._say(Rule.PROVISIONAL, f"torn: {message}", offset, header.id)
        if not tape.compressed:
            raise _Lost(after_header)

    def _read_end(self, tape: Tape, header: Header, offset: int) -> None:
        end = tape.peek(5)
        if end[:4] == _END and end[4:] not in (b"\r", b"\n"):
            tape.take(4)
            return
        if not end and self._continues(tape):
            end = tape.peek(4)
        found = tape.take_line_ends()
        if found == _END:
            return
        if self._may_be_torn(offset) and not tape.more():
            self._say(Rule.PROVISIONAL, "torn: the record's end is missing", offset, header.id)
            return
        rest = tape.peek(16) if tape.in_frame() else b""
        junk = rest if rest[:5] != _BEGINNING else b""
        self._say(Rule.RECORD_END, f"the block is followed by {found + junk!r}", offset, header.id)
        if junk and tape.compressed:
            tape.skip_frame()

    def _no_record(self, tape: Tape, offset: int) -> None:
        beginning = tape.peek(40)
        if tape.compressed:
            count = tape.skip_frame()
            self._say(Rule.NOT_A_RECORD, f"{count} bytes, beginning with {beginning!r}", offset)
            return
        raise _Lost(offset, told=False)

    def _give_up(self, tape: Tape, after: int) -> None:
        """No way to tell where this record ends."""
        if not tape.compressed:
            raise _Lost(after)
        tape.skip_frame()

    def _read_arc(self, tape: Tape) -> None:
        self._say(Rule.ARC, "an ARC file; its frames are whole unless something else is said")
        while tape.more():
            tape.skip_frame()
            self.records += 1

    def _damaged(self, file: Readable, error: CorruptArchive, start: int) -> int | None:
        at = start if error.offset is None else error.offset
        torn = isinstance(error, TornRecord)  # and what looks like a record behind that is its content
        on = None if torn else next_record(file, self._compression, at + 1, dictionary=self._dictionary)
        if on is None and self._may_be_torn(at):
            self._say(Rule.PROVISIONAL, f"torn: {error.message}", at)
        elif torn:
            self._say(Rule.FILE_TORN, "the file ends within a record", at)
        else:
            where = "; nothing after it can be read" if on is None else f"; reading on at {on}"
            self._say(Rule.FRAME_DAMAGED, error.message + where, at)
        return on

    def _lost(self, file: Readable, lost: _Lost) -> int | None:
        on = next_record(file, self._compression, lost.offset)
        file.seek(lost.offset)
        beginning = file.read(40)
        if not lost.told and not (on is None and self._may_be_torn(lost.offset)):
            where = "nothing after them can be read" if on is None else f"reading on at {on}"
            self._say(Rule.NOT_A_RECORD, f"bytes that begin with {beginning!r}; {where}", lost.offset)
        return on

    def _may_be_torn(self, offset: int) -> bool:
        """True where the file may end within a record: it is being written, and nothing vouches for this place."""
        return self._source.provisional and offset >= self._committed

    def _shared(self, offset: int) -> None:
        if not self._told_shared:
            self._told_shared = True
            self._say(Rule.FRAME_SHARED, "not each record is compressed by itself: replay tools cannot find it", offset)

    def _tell(self, header: Header, problems: list[Problem], offset: int) -> None:
        for rule, message in problems:
            self._say(rule, message, offset, header.id)

    def _say(self, rule: Rule, message: str, offset: int | None = None, record_id: str | None = None) -> None:
        self._report(finding(rule, self._label, message, offset, record_id or None))
