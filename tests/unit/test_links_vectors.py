"""Link lists that other link finders are tested with: LinkChecker's and Scrapy's."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from crawler.links import Document, extract
from crawler.urls import join
from tests.support.sources import source_package

DEVIATIONS = Path(__file__).parents[1] / "data" / "linkchecker_deviations.json"
PAGE = "http://h/d/page.html"


def found(content: bytes) -> list[str]:
    return list(extract(Document(PAGE, "text/html", None, content)).links)


class _Recorder:
    """Stands where the package has its test case: keeps what each test gives and expects."""

    def __init__(self) -> None:
        self.cases: list[tuple[str, str | None]] = []


def _linkchecker_cases(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    path = source_package("linkchecker", "10.6.0") / "tests" / "test_linkparser.py"
    stub = ModuleType("stub")
    vars(stub).update(TestBase=_Recorder, htmlsoup=None, linkparse=None)
    for name in ("linkcheck", "linkcheck.htmlutil", "linkchecker_tests"):
        monkeypatch.setitem(sys.modules, name, stub)
    namespace: dict[str, Any] = {"__name__": "linkchecker_tests.linkparser", "__package__": "linkchecker_tests"}
    exec(compile(path.read_text("utf-8"), path, "exec"), namespace)
    tests = namespace["TestLinkparser"]
    monkeypatch.setattr(tests, "_test_one_link", lambda self, content, url: self.cases.append((content, url)))
    monkeypatch.setattr(tests, "_test_no_link", lambda self, content: self.cases.append((content, None)))
    recorder = tests()
    for name in dir(tests):
        if name.startswith("test_") and name != "test_comment_stripping":  # of a function of theirs
            getattr(recorder, name)()
    return list(recorder.cases)


def test_linkchecker(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = _linkchecker_cases(monkeypatch)
    assert len(cases) == 24
    listed = {text for each in json.loads(DEVIATIONS.read_text("utf-8"))["deviations"] for text in each["contents"]}
    differing = {
        content for content, url in cases if found(content.encode()) != ([] if url is None else [join(PAGE, url)])
    }
    assert differing == listed


def test_scrapy() -> None:
    data = source_package("scrapy", "2.19.0") / "tests" / "sample_data" / "link_extractor"
    assert found((data / "linkextractor.html").read_bytes()) == [
        "http://example.com/sample1.html",
        "http://example.com/sample2.html",
        "http://example.com/sample2.jpg",
        "http://example.com/sample3.html",
        "http://www.google.com/something",
        "http://example.com/innertag.html",
        "http://example.com/page%204.html",
    ]
    # Its charset, "latin-1", is no label of the Encoding Standard, and its bytes are UTF-8.
    assert found((data / "linkextractor_latin1.html").read_bytes()) == [
        "http://example.com/sample_%C3%B1.html",
        "http://example.com/sample2.jpg",
        "http://example.com/sample_%C3%A1.html",
        "http://example.com/sample_%C3%B6.html?price=%C2%A332&%C2%B5=unit",
        "http://example.com/sample3.jpg",
    ]
