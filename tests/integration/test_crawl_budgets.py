"""Pages of one host, and options of single seeds, in a whole crawl and over its resume."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.cli import main
from crawler.model import OutcomeKind
from tests.support.engine import Ran, crawl, engine
from tests.support.web import Answer, Web, page, redirect


def site(host: str, count: int) -> dict[str, Answer]:
    """`count` pages behind a first one, each with a picture; every third leads there by a redirect."""
    links = [f"/{n}" if n % 3 else f"/to/{n}" for n in range(1, count + 1)]
    pages: dict[str, Answer] = {f"http://{host}/{n}": page(images=[f"/{n}.png"]) for n in range(1, count + 1)}
    there: dict[str, Answer] = {f"http://{host}/to/{n}": redirect(f"/{n}") for n in range(3, count + 1, 3)}
    return {f"http://{host}/": page(*links), **pages, **there}


def pages(ran: Ran, host: str) -> list[str]:
    return [o.url for o in ran.outcomes if o.page and o.status == 200 and f"//{host}/" in o.url]


@pytest.mark.parametrize("per_host", [1, 4])
async def test_a_host_gives_so_many_pages_and_no_more(crawl_dir: Path, per_host: int) -> None:
    seeds = ("http://a.test/", "http://b.test/")
    with Web({**site("a.test", 20), **site("b.test", 3)}) as web:
        ran = await crawl(web, crawl_dir, *seeds, host_pages=7, per_host=per_host, per_ip=8)
    assert (len(pages(ran, "a.test")), len(pages(ran, "b.test"))) == (7, 4)
    images = [outcome.url for outcome in ran.outcomes if outcome.url.endswith(".png") and "a.test" in outcome.url]
    assert len(images) == 6, "what the pages need is fetched"
    excluded = {outcome.reason for outcome in ran.outcomes if outcome.kind is OutcomeKind.EXCLUDED}
    assert excluded == {"host-pages"}
    assert ran.summary.exit_code == 0


async def test_it_counts_over_a_resume(crawl_dir: Path) -> None:
    with Web(site("a.test", 20)) as web:
        first = await crawl(web, crawl_dir, "http://a.test/", host_pages=7, max_pages=4)
        second = await crawl(web, crawl_dir, "http://a.test/", host_pages=7)
    assert (len(pages(first, "a.test")), len(pages(second, "a.test"))) == (4, 3)


def crawled(web: Web, directory: Path, *arguments: str) -> int:
    return main(
        [*arguments, "--output", str(directory), "--delay", "0", "--quiet", "--allow-private"], engine=engine(web)
    )


def test_seeds_with_options_of_their_own_apply_and_survive(tmp_path: Path) -> None:
    answers = {**site("a.test", 9), **site("b.test", 9), "http://b.test/": page("/1", "/sub/1", "/sub/2")}
    answers["http://b.test/sub/1"] = page("/sub/deep")
    seeds, directory = tmp_path / "seeds.txt", tmp_path / "crawl"
    seeds.write_text("http://a.test/ max-pages=3 per-host=1\nhttp://b.test/sub/1 scope=prefix depth=0 # no further\n")
    with Web(answers) as web:
        assert crawled(web, directory, str(seeds)) == 0
        asked = [url for url in web.urls if not url.endswith(".png")]
        assert len([url for url in asked if "//a.test/" in url and "/to/" not in url]) == 3
        assert [url for url in asked if "//b.test/" in url] == ["http://b.test/sub/1"]
        assert 'seed-option = [\n    "http://a.test/ max-pages=3 per-host=1",' in (directory / "crawl.toml").read_text()
        web.requests.clear()
        assert crawled(web, directory) == 0, "from crawl.toml"
        assert web.urls == []


def test_a_bad_option_is_named_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seeds = tmp_path / "seeds.txt"
    seeds.write_text("http://a.test/\nhttp://b.test/ depth=deep\nhttp://c.test/ sope=page\n")
    assert main([str(seeds)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"crawler: {seeds}:2: depth=deep: is not a whole number",
        f"crawler: {seeds}:3: there is no seed option 'sope'; there are scope, depth, offsite-links, include, exclude, "
        "delay, per-host, max-pages",
    ]


async def test_a_seeds_delay_and_slots_hold_for_its_host(crawl_dir: Path) -> None:
    answers = {**site("a.test", 12), **site("b.test", 12)}
    seeds = ("http://a.test/ per-host=6", "http://b.test/ per-host=1")
    with Web(answers, pause=0.01) as web:
        await crawl(web, crawl_dir, *seeds, per_host=2, per_ip=0)
        assert web.peaks["b.test"] == 1
        assert 3 <= web.peaks["a.test"] <= 6
