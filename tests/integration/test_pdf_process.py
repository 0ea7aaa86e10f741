"""The process that reads PDFs: one, late, limited, killed when it must be, and never left behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from crawler.pdf.process import Answer, PdfProcess
from tests.support import pdfs
from tests.support.serving import until

LINK = pdfs.linking("http://a.test/x")


async def ask(process: PdfProcess, document: bytes) -> Answer:
    with tempfile.TemporaryFile() as file:
        file.write(document)
        file.seek(0)
        return await process.read(file.fileno())


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def limited(**limits: int) -> list[str]:
    """The reader with other limits."""
    changes = "; ".join(f"worker.{name} = {value}" for name, value in limits.items())
    return python(f"from crawler.pdf import worker; {changes}; worker.main()")


def is_there(pid: int | None) -> bool:
    """True for a zombie, too: it is gone only when it was waited for."""
    assert pid is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def slow() -> bytes:
    """Pages that share one long list of annotations: minutes of work in 300 kB."""
    kids = " ".join(f"{number} 0 R" for number in range(5, 305))
    page = "<< /Type /Page /Parent 2 0 R /Annots 3 0 R >>"
    return pdfs.pdf(
        ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count 300 >>",
         "[" + "4 0 R " * 50_000 + "]", pdfs.annotation("/S /URI /URI (http://a.test/x)"), *[page] * 300]
    )  # fmt: skip


async def test_one_process_reads_them_all_and_begins_with_the_first() -> None:
    process = PdfProcess()
    assert process.pid is None
    assert (await ask(process, LINK)).references == [("pdf/uri", "http://a.test/x")]
    first = process.pid
    assert (await ask(process, b"no PDF")).trouble is not None
    assert (await ask(process, LINK)).trouble is None
    assert process.pid == first
    await process.end()
    assert not is_there(first)
    assert process.pid is None


HANGING = """
import json, socket, time
asked = socket.socket(fileno=0)
for patience in (0, 1000):
    asked.recv(1)
    asked.sendall(b'["pdf/uri", "http://a.test/x"]\\n')
    time.sleep(patience)
    asked.sendall(b'{"base": null, "title": null, "trouble": null, "ends": false}\\n')
"""


async def test_one_that_hangs_is_killed_and_what_it_found_counts() -> None:
    process = PdfProcess(command=python(HANGING))
    assert (await ask(process, LINK)).trouble is None
    hanging, process.patience = process.pid, 1
    answer = await ask(process, LINK)
    assert answer.trouble == "reading the PDF took more than 1 s"
    assert answer.references == [("pdf/uri", "http://a.test/x")]
    assert not is_there(hanging)
    process.patience = 20
    assert (await ask(process, LINK)).trouble is None, "another one has taken its place"
    await process.end()


async def test_too_much_processor_time() -> None:
    process = PdfProcess(command=limited(CPU_SECONDS=0))
    answer = await ask(process, slow())
    assert answer.trouble == "the PDF was not read to its end: it took too much processor time"
    assert process.pid is None


async def test_too_much_memory() -> None:
    process = PdfProcess(command=limited(MEMORY=140 << 20))
    answer = await ask(process, pdfs.linking(info="/Title (" + "x" * (60 << 20) + ")"))
    assert answer.trouble == "the PDF takes more than 140 MiB of memory to read"
    assert process.pid is None, "it goes on with nothing"


@pytest.mark.parametrize(
    ("code", "trouble"),
    [
        ("import os; os.abort()", "its reader was ended by SIGABRT"),
        ("raise SystemExit(3)", "its reader ended with code 3"),
        ("import os, time; os.write(0, b'nonsense\\n'); time.sleep(60)", "Expecting value: line 1 column 1 (char 0)"),
        ("import os\nwhile True: os.write(0, b'[\"a\", \"b\"]\\n' * 999)", "what it refers to is longer than 8 MiB"),
    ],
    ids=["abort", "exit", "nonsense", "flood"],
)  # fmt: skip
async def test_a_reader_that_goes_wrong_costs_one_document(code: str, trouble: str) -> None:
    process = PdfProcess(command=python(code))
    answer = await ask(process, LINK)
    assert answer.trouble == f"the PDF was not read to its end: {trouble}"
    assert process.pid is None


async def test_one_that_was_killed_between_documents_is_started_again() -> None:
    process = PdfProcess()
    await ask(process, LINK)
    first = process.pid
    assert first is not None
    os.kill(first, 9)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - it ends at once
    assert (await ask(process, LINK)).trouble is None
    assert process.pid not in (None, first)
    await process.end()


async def test_a_cancel_kills_it() -> None:
    process = PdfProcess()
    asking = asyncio.create_task(ask(process, slow()))
    await until(lambda: process.pid is not None)
    pid = process.pid
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not is_there(pid)


def test_it_ends_when_the_crawl_is_killed() -> None:
    code = (
        "import asyncio, os, tempfile\n"
        "from crawler.pdf.process import PdfProcess\n"
        "process = PdfProcess()\n"
        "asyncio.run(process.read(os.open(os.devnull, os.O_RDONLY)))\n"
        "print(process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run(python(code), capture_output=True, text=True, timeout=30)
    pid = int(ended.stdout)
    deadline = time.monotonic() + 10
    # Its new parent may be slow to take note: a zombie has ended, too.
    while is_there(pid) and " Z " not in Path(f"/proc/{pid}/stat").read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert time.monotonic() < deadline


def test_the_crawl_itself_never_loads_the_library() -> None:
    code = "import crawler.cli, crawler.crawl, sys; print([name for name in sys.modules if 'pypdf' in name])"
    assert subprocess.run(python(code), capture_output=True, text=True, check=True).stdout.strip() == "[]"
