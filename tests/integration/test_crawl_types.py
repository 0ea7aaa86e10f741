"""Media types that are not kept: the fetch ends at the head, nothing of it is archived, and the URL is excluded."""

from __future__ import annotations

import gzip
from pathlib import Path

from crawler.model import OutcomeKind
from tests.support.engine import crawl
from tests.support.web import Answer, Web, css, ok, page

FILM = b"a film that nobody wants " * 200_000
ANSWERS: dict[str, Answer] = {
    "http://a.test/": page("/film", "/b.mp4", "/doc", "/lost", images=["/i.png", "/s.css"]),
    "http://a.test/film": ok(FILM, type_="Video/MP4; codecs=x"),
    "http://a.test/doc": ok(b"%PDF-1.4", type_="application/pdf"),
    "http://a.test/i.png": ok(b"png", type_="image/png"),
    "http://a.test/s.css": css("p {}"),
    "http://a.test/lost": ok(b"no such film", status="404 Not Found", type_="video/mp4"),
}


def archived(directory: Path) -> bytes:
    return b"".join(gzip.decompress(path.read_bytes()) for path in (directory / "archive").iterdir())


async def test_what_is_rejected_is_not_kept(crawl_dir: Path) -> None:
    with Web(ANSWERS) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/", reject_types=("video/*",))
        assert web.asked("http://a.test/b.mp4") == []
        film = ran.by_url["http://a.test/film"]
        assert (film.kind, film.reason, film.receipt) == (OutcomeKind.EXCLUDED, "media-type video/mp4", None)
        assert ran.by_url["http://a.test/lost"].kind is OutcomeKind.ARCHIVED, "it is no film but an answer"
        assert b"nobody wants" not in archived(crawl_dir)
        web.requests.clear()
        again = await crawl(web, crawl_dir, "http://a.test/")
    assert sorted(again.by_url) == ["http://a.test/b.mp4", "http://a.test/film"]
    assert FILM in archived(crawl_dir)


async def test_only_what_is_accepted_and_pages(crawl_dir: Path) -> None:
    with Web(ANSWERS) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/", accept_types=("application/pdf",))
    kept = [url for url, outcome in ran.by_url.items() if outcome.kind is OutcomeKind.ARCHIVED]
    assert sorted(kept) == ["http://a.test/", "http://a.test/doc", "http://a.test/lost"]


async def test_a_seed_is_kept_whatever_it_is(crawl_dir: Path) -> None:
    with Web(ANSWERS) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/film", reject_types=("video/*",))
    assert ran.by_url["http://a.test/film"].kind is OutcomeKind.ARCHIVED
