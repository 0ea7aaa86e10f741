"""From the exchange that brought a PDF to its links.

PDFs are read one after another: the reader is one process, and the documents that wait for it wait in their spools, not
in memory. A host whose PDFs have wasted much of its time is not read from any more in that run: each of them keeps a
fetch's place occupied while it waits."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from threading import Event
from typing import IO

import crawler.links.roles as roles
from crawler.content import codings, decode
from crawler.links import Document, extract
from crawler.links.references import References, Unfinished
from crawler.mediatypes import Format, format_of
from crawler.model import Exchange, Extraction
from crawler.pdf.process import CONTEXTS, GOTO, Answer, PdfProcess
from crawler.urls import host_of
from crawler.wire.payload import payload

MAX_BYTES = 128 << 20
"""Of a PDF; a longer one is not read."""
MAX_WASTED = 60.0
"""Seconds."""

_MAGIC = b"%PDF-"
_ROLES = {context: roles.link(context) for context in CONTEXTS}


def is_pdf(exchange: Exchange) -> bool:
    """By its media type, or by how it begins where it has none."""
    format = format_of(exchange.media_type)
    return format is Format.PDF or (format is Format.UNKNOWN and exchange.content.startswith(_MAGIC))


class PdfLinks:
    """Extracts the links of PDFs, one at a time."""

    def __init__(self, spool_dir: Path, process: PdfProcess | None = None) -> None:
        self._spool_dir = spool_dir
        self._process = process or PdfProcess()
        self._turn = asyncio.Lock()
        self._wasted: dict[str, float] = {}

    async def close(self) -> None:
        """Ends the reader's process."""
        await self._process.end()

    async def extract(self, exchange: Exchange) -> Extraction:
        """The links of a PDF and of its response's fields; the Extraction tells why they may not be all.

        Never raises for what the document does."""
        answer = await self._answer(exchange)

        def add(_: Document, references: References) -> None:
            references.base, references.title = answer.base, answer.title
            for context, address in answer.references:
                guessed = address if answer.base or context == GOTO else as_followed(address)
                references.add(guessed, _ROLES[context])
            if answer.trouble is not None:
                raise Unfinished(answer.trouble)

        document = Document(exchange.url, exchange.media_type, None, b"", exchange.headers)
        return extract(document, extractor=add)

    async def _answer(self, exchange: Exchange) -> Answer:
        host = host_of(exchange.url)
        async with self._turn:
            if self._wasted.get(host, 0) > MAX_WASTED:
                return Answer(trouble=f"not read: PDFs of {host} took more than {MAX_WASTED:g} s in vain")
            with tempfile.TemporaryFile(dir=self._spool_dir) as file:
                try:
                    size = await _in_thread(exchange, file)
                except OSError as error:
                    return Answer(trouble=f"the PDF cannot be handed to its reader: {error}")
                if size > MAX_BYTES:
                    return Answer(trouble=f"the PDF is longer than {MAX_BYTES >> 20} MiB")
                began = time.monotonic()
                answer = await self._process.read(file.fileno())
            if answer.trouble is not None:
                self._wasted[host] = self._wasted.get(host, 0) + time.monotonic() - began
            return answer


async def _in_thread(exchange: Exchange, file: IO[bytes]) -> int:
    """Writes the PDF to the file; when cancelled, waits until nothing reads the response any more."""
    enough = Event()
    writing = asyncio.get_running_loop().run_in_executor(None, _write, exchange, file, enough)
    try:
        await asyncio.wait([writing])
    finally:
        enough.set()
        if not writing.done():
            await asyncio.wait([writing])
    return writing.result()


def _write(exchange: Exchange, file: IO[bytes], enough: Event) -> int:
    """Returns how long the PDF is; of one that is too long, no more is written than shows that. Raises OSError."""
    applied, size = codings(exchange.headers), 0
    pieces = [decode(lambda: payload(exchange), applied)] if applied else payload(exchange)
    for piece in pieces:
        size += len(piece)
        if enough.is_set() or size > MAX_BYTES:
            break
        file.write(piece)
    file.seek(0)
    return size


def as_followed(address: str) -> str:
    """An address without a scheme as Chromium's viewer takes it: `www.example.com/x` names a host, not a file here."""
    address = address.strip()
    first = address.split("/", 1)[0]
    if ":" in first or first[:1] in ("", ".", "\\", "#", "?") or first.count(".") < 2:
        return address
    return f"http://{address}"
