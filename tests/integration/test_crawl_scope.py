"""How far a crawl goes: scopes, includes and excludes, depth, requisites beyond the scope."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.model import Outcome, OutcomeKind
from tests.support.engine import config_of, crawl, opened
from tests.support.web import Answer, Web, css, ok, page

SEED = "http://www.example.com/docs/start"
LINKS = [
    "http://www.example.com/docs/a",
    "http://www.example.com/docs/sub/b",
    "http://www.example.com/other",
    "https://www.example.com/docs/tls",
    "http://www.example.com:8080/docs/port",
    "http://example.com/",
    "http://deep.sub.example.com/",
    "http://example.org/",
    "http://notexample.com/",
]
REACHED = {
    "page": [],
    "prefix": [0, 1],
    "host": [0, 1, 2, 3],
    "domain": [0, 1, 2, 3, 4, 5, 6],
    "any": list(range(len(LINKS))),
}


@pytest.mark.parametrize("scope", REACHED)
async def test_how_far_each_scope_goes(crawl_dir: Path, scope: str) -> None:
    answers: dict[str, Answer] = {SEED: page(*LINKS), **dict.fromkeys(LINKS, page())}
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, SEED, scope=scope, robots=False, timeout=0.3)
    assert sorted(ran.by_url) == sorted([SEED, *(LINKS[n] for n in REACHED[scope])])


async def test_each_seed_has_its_own_scope(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {
        "http://a.test/": page("/1", "http://b.test/1"),
        "http://b.test/x/": page("/x/2", "/1"),
        "http://a.test/1": page(),
        "http://b.test/x/2": page(),
    }
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/", "http://b.test/x/", scope="prefix")
    assert sorted(ran.by_url) == sorted(answers)


@pytest.mark.parametrize(("hops", "reached"), [(0, []), (1, ["b"]), (2, ["b", "c"]), (3, ["b", "c", "d"])])
async def test_links_beyond_the_scope(crawl_dir: Path, hops: int, reached: list[str]) -> None:
    """Each site links to the next, and back to the first; their pictures come along."""
    following = {"a": "b", "b": "c", "c": "d", "d": "e", "e": "a"}
    answers: dict[str, Answer] = {}
    for site, after in following.items():
        answers[f"http://{site}.test/"] = page(f"http://{after}.test/", images=["/i.png"])
        answers[f"http://{site}.test/i.png"] = ok(b"png", type_="image/png")
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/", offsite_links=hops)
    wanted = [f"http://{site}.test/{name}" for site in ["a", *reached] for name in ("", "i.png")]
    assert sorted(ran.by_url) == sorted(wanted)
    assert {outcome.kind for outcome in ran.outcomes} == {OutcomeKind.ARCHIVED}


async def test_include_widens_and_exclude_wins(crawl_dir: Path) -> None:
    links = [
        "http://a.test/keep",
        "http://a.test/drop",
        "http://b.test/keep",
        "http://b.test/keep/drop",
        "http://b.test/x",
    ]
    with Web({"http://a.test/": page(*links, images=["/drop.png", "/i.png"])}) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/", include=("b[.]test/keep",), exclude=("drop",))
    wanted = ["http://a.test/", "http://a.test/i.png", "http://a.test/keep", "http://b.test/keep"]
    assert sorted(ran.by_url) == wanted


async def test_a_seed_is_fetched_whatever_the_excludes_say(crawl_dir: Path) -> None:
    with Web({"http://a.test/drop": page("/drop/2")}) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/drop", exclude=("drop",))
    assert list(ran.by_url) == ["http://a.test/drop"]
    assert ran.summary.exit_code == 0


@pytest.mark.parametrize("depth", [0, 1, 2, None])
async def test_max_depth_counts_links_not_requisites(crawl_dir: Path, depth: int | None) -> None:
    answers: dict[str, Answer] = {f"http://a.test/{n}": page(f"/{n + 1}", images=[f"/{n}.png"]) for n in range(4)}
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/0", max_depth=depth)
    deepest = 4 if depth is None else depth
    pages = [f"http://a.test/{n}" for n in range(deepest + 1)]
    assert sorted(ran.by_url) == sorted([*pages, *(f"{url}.png" for url in pages if url in answers)])


async def test_a_page_met_deep_and_then_less_deep_is_followed_from_there(crawl_dir: Path) -> None:
    """The long way round is quick, the short way slow: `far` is fetched at depth 3, found at depth 2 afterwards."""
    answers: dict[str, Answer] = {
        "http://a.test/": page("/1", "/slow"),
        "http://a.test/1": page("/2"),
        "http://a.test/2": page("/far"),
        "http://a.test/slow": page("/far"),
        "http://a.test/far": page("/farther", images=["/far.png"]),
        "http://a.test/farther": page("/farthest"),
        "http://a.test/far.png": ok(type_="image/png"),
    }
    with Web(answers) as web:
        web.hold("http://a.test/slow")
        config = config_of(crawl_dir, "http://a.test/", max_depth=3)
        async with opened(config, resolver=web.resolver()) as running:

            def told(outcome: Outcome) -> None:
                if outcome.url == "http://a.test/far":
                    web.let_go("http://a.test/slow")

            running.add_done_callback(told)
            summary = await running.wait()
        assert web.urls.count("http://a.test/far") == 1
        assert sorted(web.urls) == sorted(answers)
    assert summary.finished


async def test_a_page_promoted_while_it_is_queued_is_followed(crawl_dir: Path) -> None:
    """One at a time and breadth first, so that /far is still queued at depth 2 when the seed names it."""
    answers: dict[str, Answer] = {
        "http://a.test/": page("/1", "/2"),
        "http://a.test/1": page("/far"),
        "http://a.test/2": page("/far"),
        "http://a.test/far": page("/farther"),
        "http://a.test/farther": page(),
    }
    with Web(answers) as web:
        await crawl(web, crawl_dir, "http://a.test/", max_depth=1)
        assert "http://a.test/far" not in web.urls
        ran = await crawl(web, crawl_dir, "http://a.test/", "http://a.test/far", max_depth=1)
        assert web.urls[-2:] == ["http://a.test/far", "http://a.test/farther"]
    assert ran.summary.finished


async def test_pages_are_fetched_breadth_first_in_the_order_of_their_links(crawl_dir: Path) -> None:
    names = "the quick brown fox jumps over a lazy dog".split()
    answers: dict[str, Answer] = {
        "http://a.test/": page(*(f"/{name}" for name in names)),
        **{f"http://a.test/{name}": page(f"/{name}/2", f"/{name}/1") for name in names},
    }
    with Web(answers) as web:
        await crawl(web, crawl_dir, "http://a.test/", concurrency=1)
        deeper = [f"http://a.test/{name}/{n}" for name in names for n in (2, 1)]
        assert web.urls == [*answers, *deeper]


async def test_an_image_that_is_also_a_link_target_is_fetched_once(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {
        "http://a.test/": page("/i.png", "/2", images=["/i.png"]),
        "http://a.test/2": page("/i.png"),
        "http://a.test/i.png": ok(type_="image/png"),
    }
    with Web(answers) as web:
        await crawl(web, crawl_dir, "http://a.test/", max_depth=5)
        assert sorted(web.urls) == sorted(answers)


async def test_a_frame_becomes_a_page_when_it_is_linked_to(crawl_dir: Path) -> None:
    """Off-site, as a requisite, its links are not followed; as a page in scope they are."""
    answers: dict[str, Answer] = {
        "http://a.test/": page("/2", markup='<iframe src="http://b.test/frame"></iframe>'),
        "http://b.test/frame": page("/beyond", images=["/b.png"]),
        "http://b.test/b.png": ok(type_="image/png"),
        "http://a.test/2": page(),
    }
    with Web({**answers, "http://b.test/beyond": page()}) as web:
        await crawl(web, crawl_dir, "http://a.test/")
        assert sorted(web.urls) == sorted(answers)
        await crawl(web, crawl_dir, "http://a.test/", "http://b.test/frame")
        assert web.urls.count("http://b.test/frame") == 1
        assert "http://b.test/beyond" in web.urls


async def test_requisites_go_two_hops_beyond_the_scope(crawl_dir: Path) -> None:
    def frame(target: str) -> bytes:
        return page("/not-a-page", markup=f'<iframe src="{target}"></iframe>')

    answers: dict[str, Answer] = {
        "http://a.test/": frame("http://b.test/"),
        "http://b.test/": frame("http://c.test/"),
        "http://c.test/": frame("http://d.test/"),
        "http://d.test/": frame("http://e.test/"),
    }
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/", scope="host")
    assert sorted(ran.by_url) == ["http://a.test/", "http://a.test/not-a-page", "http://b.test/", "http://c.test/"]


async def test_style_sheets_import_from_host_to_host_without_counting(crawl_dir: Path) -> None:
    sheets: dict[str, Answer] = {
        f"http://s{n}.test/s.css": css(f'@import "http://s{n + 1}.test/s.css"; a {{ background: url(i.png) }}')
        for n in range(1, 6)
    }
    sheets["http://s6.test/s.css"] = css("@font-face { src: url(http://fonts.test/f.woff2) format('woff2') }")
    markup = '<link rel="stylesheet" href="http://s1.test/s.css">'
    images = {f"http://s{n}.test/i.png": ok(b"png", type_="image/png") for n in range(1, 6)}
    answers: dict[str, Answer] = {
        "http://a.test/": page(markup=markup), **sheets, **images, "http://fonts.test/f.woff2": ok(type_="font/woff2"),
    }  # fmt: skip
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/", scope="page")
    assert sorted(ran.by_url) == sorted(answers)
    assert {outcome.kind for outcome in ran.outcomes} == {OutcomeKind.ARCHIVED}


async def test_robots_txt_and_excludes_hold_for_requisites_too(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {
        "http://a.test/": page(images=["http://b.test/no.png", "http://b.test/ad.png", "http://b.test/yes.png"]),
        "http://b.test/robots.txt": ok(b"User-agent: *\nDisallow: /no"),
    }
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/", exclude=("/ad[.]",))
        assert web.urls == ["http://a.test/", "http://b.test/yes.png"]
    assert ran.by_url["http://b.test/no.png"].reason == "robots.txt"
