"""What a crawl asks for beyond the links of its pages, as the server sees it."""

from __future__ import annotations

import gzip
from pathlib import Path

from crawler.guesses import TRIED
from crawler.model import OutcomeKind
from tests.support.engine import crawl
from tests.support.web import Web, ok, page, redirect

A = "http://a.test"
MISSING = ok(b"no", status="404 Not Found")


async def test_links_in_headers_count_whatever_the_body_is(crawl_dir: Path) -> None:
    image = ok(
        b"\x89PNG", "Link: </next>; rel=next, </s.css>; rel=preload", "Content-Location: /i.png", type_="image/png"
    )
    answers = {f"{A}/": page("/i"), f"{A}/i": image, f"{A}/next": page(), f"{A}/s.css": ok(), f"{A}/i.png": ok()}
    with Web(answers) as web:
        await crawl(web, crawl_dir, f"{A}/")
        assert sorted(web.urls) == sorted(answers)


async def test_documents_of_every_kind_lead_on(crawl_dir: Path) -> None:
    answers = {
        f"{A}/": page("/feed", "/data", "/play"),
        f"{A}/feed": ok(b"<rss><channel><link>/1</link></channel></rss>", type_="application/rss+xml"),
        f"{A}/data": ok(b'{"next": "/2"}', type_="application/json"),
        f"{A}/play": ok(b"#EXTM3U\n3.ts\n", type_="application/vnd.apple.mpegurl"),
        **{f"{A}/{name}": ok() for name in ("1", "2", "3.ts")},
    }
    with Web(answers) as web:
        await crawl(web, crawl_dir, f"{A}/")
        assert sorted(web.urls) == sorted(answers)


async def test_html_that_is_sent_as_something_else(crawl_dir: Path) -> None:
    html = b"<!doctype html><a href=%b>link</a>"
    answers = {
        f"{A}/": page("/text", "/bytes", "/packed", "/readme"),
        f"{A}/text": ok(html % b"/1", type_="text/plain"),
        f"{A}/bytes": ok(html % b"/2", type_="application/octet-stream"),
        f"{A}/packed": ok(gzip.compress(html % b"/3"), "Content-Encoding: gzip", type_="text/plain"),
        f"{A}/readme": ok(b"To link, write <a href=/no>", type_="text/plain"),
        **{f"{A}/{number}": ok() for number in (1, 2, 3)},
    }
    with Web(answers) as web:
        await crawl(web, crawl_dir, f"{A}/")
        assert sorted(web.urls) == sorted(answers)


async def test_modules_come_with_the_page_wherever_they_are_and_however_deep(crawl_dir: Path) -> None:
    away = "http://cdn.test"
    answers = {
        f"{A}/": page(markup=f"<script type=module>import '{away}/0.js'; import './own.js'</script>"),
        f"{A}/own.js": ok(b"go('/no.html')", type_="text/javascript"),
        **{
            f"{away}/{n}.js": ok(b"export * from './%d.js'" % (n + 1) if n < 5 else b"", type_="text/javascript")
            for n in range(6)
        },
    }
    with Web(answers) as web:
        await crawl(web, crawl_dir, f"{A}/")
        assert sorted(web.urls) == sorted(answers)


async def test_guesses_only_when_asked_for(crawl_dir: Path) -> None:
    answers = {
        f"{A}/": page(markup="<script>go('/guess.html')</script><script src=/s.js></script>"),
        f"{A}/s.js": ok(b"go('/other.html'); base = '/'", type_="text/javascript"),
        f"{A}/guess.html": page("/deep"),
        f"{A}/other.html": page(),
        f"{A}/deep": page(),
    }
    with Web(answers) as web:
        await crawl(web, crawl_dir / "without", f"{A}/")
        assert sorted(web.urls) == sorted([f"{A}/", f"{A}/s.js"])
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir / "with", f"{A}/", guesses=True)
        assert sorted(web.urls) == sorted(answers)
    assert ran.by_url[f"{A}/guess.html"].kind is OutcomeKind.ARCHIVED


async def test_a_host_without_what_is_guessed_is_left_alone(crawl_dir: Path) -> None:
    names = [f"/g{number}.html" for number in range(3 * TRIED)]
    program = ";".join(f"go('{name}')" for name in names).encode()
    answers = {f"{A}/": page(markup="<script src=/s.js></script>"), f"{A}/s.js": ok(program, type_="text/javascript")}
    with Web({**answers, **{A + name: MISSING for name in names}}) as web:
        ran = await crawl(web, crawl_dir, f"{A}/", guesses=True, per_host=1)
        assert sum(url.endswith(".html") for url in web.urls) == TRIED
    left = [outcome for outcome in ran.outcomes if outcome.kind is OutcomeKind.EXCLUDED]
    assert len(left) == 2 * TRIED
    assert {outcome.reason for outcome in left} == {"guesses"}


async def test_query_parameters_are_left_out_everywhere(crawl_dir: Path) -> None:
    answers = {
        f"{A}/": page("/x?sid=1&a=1", "/x?a=1&sid=2", "/r?sid=3"),
        f"{A}/x?a=1": page(),
        f"{A}/r": redirect("/to?sid=4&b=2"),
        f"{A}/to?b=2": page(),
    }
    with Web(answers) as web:
        await crawl(web, crawl_dir, f"{A}/?sid=0", strip_query=("sid",))
        assert sorted(web.urls) == sorted(answers)
