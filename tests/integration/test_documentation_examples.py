"""Every Python example of the library's documentation runs, page by page and in order, against a site on loopback."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.support.archive_check import read_log
from tests.support.site import Site, response

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = [
    "../README.md", "library.md", "how-to/script.md", "how-to/web-service.md", "how-to/notebook.md",
    "how-to/synchronous-job.md",
]  # fmt: skip
BLOCK = re.compile(r"^```python(?: needs=(\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUICK = "delay=0.0, min_free_disk=0, allow_private=True, sitemaps=False, "
"""What a site on loopback needs, beside what the example says."""


@pytest.fixture
def site() -> Iterator[Site]:
    html = b"<title>Example</title><a href=/a>a</a><a href=/b>b</a><a href=/calendar/1>c</a>"
    guarded = response(b"log in", "text/plain", "401 Unauthorized")
    answers = {"/": response(html), "/late": response(b"late"), "/a": response(b"a"), "/guarded": guarded}
    with Site(answers) as running:
        yield running


def blocks(page: str) -> list[tuple[int, str]]:
    """Line number and text of each example whose package is at hand."""
    text = (DOCS / page).read_text("utf-8")
    return [
        (text.count("\n", 0, block.start()) + 1, block[2])
        for block in BLOCK.finditer(text)
        if block[1] is None or importlib.util.find_spec(block[1]) is not None
    ]


def run_page(page: str, site: Site, quick: str = QUICK) -> dict[str, Any]:
    """Runs a page's examples in one namespace; those that await, in one loop. Returns the namespace."""
    names: dict[str, Any] = {"__name__": "example"}
    with asyncio.Runner() as runner:
        for line, text in blocks(page):
            text = text.replace("https://example.com", site.root).replace("CrawlConfig(", f"CrawlConfig({quick}")
            code = compile("\n" * line + text, str(DOCS / page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            if code.co_flags & inspect.CO_COROUTINE:
                runner.run(eval(code, names))
            else:
                exec(code, names)
    return names


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run(page: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert blocks(page)
    run_page(page, site)
    logs = list(tmp_path.glob("crawls/*/logs/urls.jsonl"))
    assert page.endswith("web-service.md") or logs


def test_the_tutorial_archived_what_it_says(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = run_page("library.md", site)
    logs = {path.parts[-3]: read_log(path.parents[1]) for path in tmp_path.glob("crawls/*/logs/urls.jsonl")}
    assert {line["url"] for line in logs["submitted"]} >= {f"{site.root}/late", f"{site.root}/19"}
    assert [line["reason"] for line in logs["hooked"] if line["outcome"] == "excluded"] == ["no calendars"]
    assert f"{site.root}/sitemap-of-my-own.html" in {line["url"] for line in logs["hooked"]}
    assert {line["url"] for line in logs["again"]} == {line["url"] for line in logs["example"]}
    assert names["receipt"].seq


def test_the_service_archives_what_is_posted(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = run_page("how-to/web-service.md", site, QUICK + "retries=0, ")

    async def post() -> list[tuple[int, dict[str, Any]]]:
        async with TestClient(TestServer(names["make_app"]())) as client:
            found = []
            for url in (f"{site.root}/late", f"{site.root}/late", "ftp://example.com/", "http://no-such-host.invalid/"):
                async with client.post("/archive", json={"url": url}) as answer:
                    found.append((answer.status, await answer.json()))
            return found

    first, again, invalid, unknown = asyncio.run(post())
    assert first == again
    assert (first[0], invalid[0], unknown[0]) == (200, 422, 502)
    assert first[1]["digest"].startswith("sha256:")
    assert "no-such-host.invalid" in unknown[1]["error"]
    assert not list((tmp_path / "crawls/service/archive").glob("*.open"))


def test_an_example_that_breaks_would_be_seen(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.md").write_text("text\n\n```python\nimport crawler\n\ncrawler.no_such_name\n```\n")
    monkeypatch.setattr(f"{__name__}.DOCS", tmp_path)
    with pytest.raises(AttributeError, match="no_such_name") as caught:
        run_page("page.md", site)
    assert caught.traceback[-2].lineno + 1 == 6
