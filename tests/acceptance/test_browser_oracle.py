"""The browser as oracle: what Chromium asks for, and what it lists as links, is in the archive of a finished crawl.

Real sites, each written by a different generator: Debian's documentation packages behind nginx and Apache. With its
scripts off the browser is the judge of finding. What scripts ask for on top is beyond a crawler that runs none: it is
told as a figure."""

from __future__ import annotations

import asyncio
import random
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from tests.support.apache import apache
from tests.support.chromium import Browser, chromium
from tests.support.nginx import nginx
from tests.support.programs import absent, require_program

PAGES = 30
MOVING = 8
"""Of them, with scripts on."""
TABS = 4
CRAWL_SECONDS = 60
ELSEWHERE = r"^(?!http://127\.0\.0\.1:)"


@dataclass(frozen=True, slots=True)
class Docs:
    """A site of a Debian package."""

    package: str
    root: str
    server: str
    start: str = "index.html"
    left_out: str = r"^$"
    """Where it would be too large, what of its paths is not crawled, and not asked for here."""


SITES = (
    Docs("python3-doc", "/usr/share/doc/python3-doc/html", "nginx", left_out=r"^/(whatsnew|c-api|howto)/"),
    Docs("git-doc", "/usr/share/doc/git-doc", "apache2"),
    Docs("sqlite3-doc", "/usr/share/doc/sqlite3", "nginx", left_out=r"^/(c3ref|releaselog|session)/"),
    Docs("freetype2-doc", "/usr/share/doc/libfreetype-dev", "apache2"),
    Docs("apache2-doc", "/usr/share/doc/apache2-doc/manual", "apache2", "en/index.html", r"^/(?!en/|images/|style/)"),
)


@dataclass(slots=True)
class Archive:
    """What the records of a crawl say."""

    fetched: dict[str, bool]
    """Each address with a response, or a revisit of one; True for an HTML page."""
    outlinks: set[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a browser made of some pages."""

    asked: set[str]
    listed: set[str]
    by_scripts: set[str]
    """What it asked for only with scripts on."""


@contextmanager
def served(docs: Docs, home: Path) -> Iterator[str]:
    root = Path(docs.root)
    if not (root / docs.start).exists():
        absent(f"Debian's package {docs.package} is not installed")
    home.mkdir()
    program = require_program(docs.server)
    if docs.server == "apache2":
        with apache(program, root.resolve(), home) as url:
            yield url
    else:
        with nginx(program, root.resolve(), home, gzip=True) as server:
            yield server.url


async def crawl(site: str, docs: Docs, directory: Path) -> None:
    """Runs the command line to its end. The icon that browsers ask for unbidden, which no page names, is a seed."""
    left_out = docs.left_out.replace("^/", r"^http://127\.0\.0\.1:\d+/")
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "crawler",
            site + docs.start,
            site + "favicon.ico",
            "--output",
            str(directory),
            "--exclude",
            ELSEWHERE,
        ),
        *("--exclude", left_out, "--no-sitemaps", "--delay", "0", "--per-host", "16", "--min-free-disk", "1M"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(CRAWL_SECONDS):
            told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, told.decode("utf-8", "replace")


def read(directory: Path) -> Archive:
    fetched: dict[str, bool] = {}
    outlinks: set[str] = set()
    for segment in sorted((directory / "archive").glob("*.warc.gz")):
        with segment.open("rb") as stream:
            types = WarcRecordType.response | WarcRecordType.revisit | WarcRecordType.metadata
            for record in ArchiveIterator(stream, record_types=types, parse_http=True):
                url = record.headers["WARC-Target-URI"]
                if record.record_type is not WarcRecordType.metadata:
                    http = record.http_headers
                    fetched[url] = http.status_code == 200 and (http.get("Content-Type") or "").startswith("text/html")
                else:
                    outlinks.update(re.findall(r"^outlink: (\S+)", record.reader.read().decode(), re.MULTILINE))
    return Archive(fetched, outlinks)


LINKS = (
    "[...document.links, ...document.querySelectorAll('iframe, frame')]"
    ".map(each => each.href || each.src).filter(each => URL.canParse(each))"
)
"""What cannot be parsed leads nowhere; `href` then gives it as it stands (HTML Standard, section 4.6.3)."""


def asked_for(link: str) -> str:
    """The address without its fragment and, as the archive keeps it, without a user's name and password."""
    return re.sub(r"(?<=//)[^/@]*@", "", urldefrag(link).url, count=1)


async def look(browser: Browser, url: str, tabs: asyncio.Semaphore, *, scripts: bool) -> tuple[set[str], set[str]]:
    """What a page asked for, and what it and its frames link to: http(s), without fragments."""
    async with tabs:
        page = await browser.open(url, scripts=scripts)
        listed = {asked_for(link) for links in await page.frame_values(LINKS) for link in links}
        await page.close()
        return set(page.urls), {link for link in listed if link.startswith(("http://", "https://"))}


async def seen(urls: list[str]) -> Seen:
    """The pages in a browser, with scripts off, and some of them with scripts on."""
    tabs = asyncio.Semaphore(TABS)
    async with chromium() as browser:
        still = await asyncio.gather(*(look(browser, url, tabs, scripts=False) for url in urls))
        moving = await asyncio.gather(*(look(browser, url, tabs, scripts=True) for url in urls[:MOVING]))
    asked = {url for each, _ in still for url in each}
    return Seen(asked, {url for _, each in still for url in each}, {url for each, _ in moving for url in each} - asked)


@pytest.mark.parametrize("docs", SITES, ids=lambda docs: docs.package)
async def test_whatever_a_browser_finds_is_archived(
    docs: Docs, tmp_path: Path, rng: random.Random, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(docs, tmp_path / "server") as site:
        await crawl(site, docs, tmp_path / "crawl")
        archive = read(tmp_path / "crawl")
        pages = sorted(url for url, is_page in archive.fetched.items() if is_page)
        browser = await seen(rng.sample(pages, min(PAGES, len(pages))))
    assert len(pages) > PAGES
    found = browser.asked | browser.listed
    wanted = {url for url in found if url.startswith(site) and not re.match(docs.left_out, urlsplit(url).path)}
    assert len(wanted) > PAGES
    assert sorted(wanted - archive.fetched.keys()) == [], "not archived"
    # What the crawl was told to leave out was found all the same.
    assert sorted(found - wanted - archive.outlinks) == [], "not found"
    missed = browser.by_scripts - archive.fetched.keys()
    with capsys.disabled():
        print(
            f"\n{docs.package}: {PAGES} of {len(pages)} pages in a browser: {len(wanted)} addresses, all archived;"
            f" scripts on {MOVING} of them asked for {len(browser.by_scripts)} more, {len(missed)} not archived"
        )
