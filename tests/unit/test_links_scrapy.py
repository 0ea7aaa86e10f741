"""Scrapy's tests of its link extractor, run against ours: each passes, or is listed with its reason.

Its extractor can be told which links to leave out; ours leaves that to the scope. So what a test expects must be among
what we find, and with nothing left out it must be all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch
from urllib.parse import urldefrag

import pytest

from crawler.links import Document, extract
from crawler.model import Kind
from tests.support.sources import source_package

DEVIATIONS = Path(__file__).parents[1] / "data" / "scrapy_deviations.json"


@dataclass
class Response:
    url: str
    body: bytes = b""
    encoding: str | None = None


class XmlResponse(Response):
    pass


@dataclass(eq=False)
class Link:
    url: str
    text: str = ""
    fragment: str = ""
    nofollow: bool = False


@dataclass(eq=False)
class Found:
    """Our links, compared with a list of theirs."""

    links: list[tuple[str, bool]]
    whole: bool

    def __iter__(self) -> Iterator[Link]:
        return (Link(url, nofollow=nofollow) for url, nofollow in self.links)

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, list)
        expected = dict.fromkeys((urldefrag(link.url).url, link.nofollow) for link in other)
        return list(expected) == self.links if self.whole else set(expected) <= set(self.links)


class Extractor:
    """Stands where Scrapy has its own."""

    def __init__(self, **options: object) -> None:
        self.whole = not options

    def extract_links(self, response: Response) -> Found:
        media_type = "application/xhtml+xml" if isinstance(response, XmlResponse) else "text/html"
        extraction = extract(Document(response.url, media_type, response.encoding, response.body))
        links = [
            (url, role.nofollow)
            for url, role in extraction.links.items()
            if not self.whole or role.kind is Kind.NAVIGATION  # unless told to, theirs finds no requisites
        ]
        return Found(links, self.whole)


def cases_in(package: Path) -> dict[str, Any]:
    """The test classes of Scrapy's file, with our extractor in the place of its own."""
    stub = ModuleType("stub")
    data = package / "tests" / "sample_data"
    vars(stub).update(
        canonicalize_url=lambda url: url, HtmlResponse=Response, TextResponse=Response, XmlResponse=XmlResponse,
        Link=Link, lxmlhtml=stub, LxmlLinkExtractor=Extractor, LxmlParserLinkExtractor=Extractor,
        get_testdata=lambda *path: data.joinpath(*path).read_bytes(),
    )  # fmt: skip
    names = ("w3lib", "w3lib.url", "scrapy", "scrapy.http", "scrapy.link", "scrapy.linkextractors", "tests")
    source = (package / "tests" / "test_linkextractors.py").read_text("utf-8")
    namespace: dict[str, Any] = {"__name__": "scrapy_tests"}
    with patch.dict("sys.modules", dict.fromkeys((*names, "scrapy.linkextractors.lxmlhtml"), stub)):
        exec(compile(source.replace("list(lx.", "(lx."), "test_linkextractors.py", "exec"), namespace)
    return {name: value for name, value in namespace.items() if name.startswith("Test")}


def passes(case: Any, name: str) -> bool:
    instance = case()
    if hasattr(instance, "setup_method"):
        instance.setup_method()
    try:
        getattr(instance, name)()
    except Exception:  # whatever it is that ours does not have
        return False
    return True


def test_every_one_passes_or_is_listed() -> None:
    names = [
        (case, name)
        for case in cases_in(source_package("scrapy", "2.19.0")).values()
        for name in dir(case)
        if name.startswith("test_")
    ]
    assert len(names) == 41
    listed = {name for each in json.loads(DEVIATIONS.read_text("utf-8"))["deviations"] for name in each["tests"]}
    assert {name for case, name in names if not passes(case, name)} == listed


@pytest.mark.parametrize(
    ("expected", "whole", "same"),
    [
        ([Link("http://a.test/#x"), Link("http://b.test/", nofollow=True)], True, True),
        ([Link("http://b.test/", nofollow=True)], True, False),
        ([Link("http://b.test/", nofollow=True)], False, True),
        ([Link("http://b.test/")], False, False),
        ([Link("http://c.test/")], False, False),
    ],
)
def test_the_comparison_can_fail(expected: list[Link], whole: bool, same: bool) -> None:
    assert (Found([("http://a.test/", False), ("http://b.test/", True)], whole) == expected) is same
