"""Which media types are kept, and what an extension tells beforehand."""

from __future__ import annotations

import pytest

from crawler.config import CrawlConfig, InvalidSetting
from crawler.model import Kind
from crawler.rules.types import TypeFilter, type_filter
from crawler.scope import Scope
from crawler.scopekind import ScopeKind

HOST = "https://example.com"


def test_what_is_kept() -> None:
    only = TypeFilter(("application/pdf", "image/*"), ("image/gif",))
    kept = ("application/pdf", "image/png", "text/html", "application/xhtml+xml", None)
    assert [type_ for type_ in kept if not only.keeps(type_)] == []
    assert [type_ for type_ in ("image/gif", "text/css", "application/pdfx", "video/mp4") if only.keeps(type_)] == []
    without = TypeFilter((), ("video/*", "text/html"))
    assert [without.keeps(type_) for type_ in ("video/mp4", "text/html", "text/css")] == [False, False, True]
    assert type_filter((), ()) is None


@pytest.mark.parametrize(
    ("path", "kind", "accepted"),
    [
        ("/a.mp4", Kind.NAVIGATION, False),
        ("/a.MP4?x=1", Kind.REQUISITE, False),
        ("/a.webm", Kind.GUESS, False),
        ("/a.mp4", Kind.SITEMAP, True),
        ("/a.png", Kind.REQUISITE, True),
        ("/watch?v=a.mp4", Kind.NAVIGATION, True),
        ("/wiki/File:A.mp4", Kind.NAVIGATION, True),
        ("/a.mp4/", Kind.NAVIGATION, True),
        ("/mp4", Kind.NAVIGATION, True),
        ("/a.html", Kind.NAVIGATION, True),
    ],
)
def test_an_extension_may_save_the_request(path: str, kind: Kind, accepted: bool) -> None:
    of = Scope(ScopeKind.HOST, {1: [HOST + "/"]}, types=TypeFilter((), ("video/*",)))
    verdict = of.verdict(HOST + path, kind, 1, 0, 1)
    assert (verdict.accepted, verdict.rule) == (accepted, "scope" if accepted else "media-type")


def test_a_host_is_no_file() -> None:
    of = Scope(ScopeKind.ANY, {1: [HOST + "/"]}, types=TypeFilter((), ("application/zip",)))
    assert of.verdict("https://example.zip/", Kind.NAVIGATION, 1, 0, 1).accepted


def test_options() -> None:
    assert CrawlConfig(reject_types=("video/*, audio/*", "image/gif")).reject_types == (
        "video/*",
        "audio/*",
        "image/gif",
    )
    for wrong in ("video", "Video/*", "video/", ""):
        with pytest.raises(InvalidSetting, match=r"is not a media type"):
            CrawlConfig(accept_types=(wrong,))
