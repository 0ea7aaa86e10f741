"""Data and programs in script elements; JSON documents; what is a guess and what is none."""

from __future__ import annotations

import json

import pytest

from crawler.links import Document, extract
from crawler.links.javascript import MAX_GUESSES, looks_like_address
from crawler.links.jsonlinks import MAX_TREE
from crawler.model import Kind

PAGE = "http://h/d/page.html"


def found(
    content: str, media_type: str = "text/html", *, guesses: bool = False, failure: str | None = None
) -> dict[str, str]:
    """URL below http://h/d/ -> its role as "L a/@href"."""
    extraction = extract(Document(PAGE, media_type, None, content.encode(), guesses=guesses))
    assert extraction.failure == failure
    return {link.removeprefix("http://h/d/"): f"{r.code} {r.context}" for link, r in extraction.links.items()}


LD = {
    "@context": "https://schema.org",
    "@graph": [
        {
            "@type": "Article",
            "@id": "http://h/d/article#this",
            "url": "http://h/d/article",
            "image": {"@type": "ImageObject", "url": "http://cdn/image?id=1", "width": 100},
            "logo": "/d/logo",
            "thumbnailUrl": ["t1.jpg", "//cdn.example/t2"],
            "author": {"name": "http is fun", "sameAs": ["http://h/d/author", "mailto:a@h"]},
            "video": {"contentUrl": "http://cdn/film.mp4", "embedUrl": "http://h/d/player"},
            "potentialAction": {"target": "http://h/d/search?q={search_term}"},
            "text": "See http://h/d/no for more",
        }
    ],
}


def test_json_ld() -> None:
    assert found(f"<script type='application/LD+json'>{json.dumps(LD)}</script>") == {
        "article": "L json-ld",
        "http://cdn/image?id=1": "E json-ld",
        "logo": "E json-ld",
        "t1.jpg": "E json-ld",
        "http://cdn.example/t2": "E json-ld",
        "author": "L json-ld",
        "http://cdn/film.mp4": "E json-ld",
        "player": "E json-ld",
    }


@pytest.mark.parametrize(
    "text",
    [
        '<!-- {"url": "http://h/d/x"} -->',
        '//<![CDATA[\n{"url": "http:\\/\\/h\\/d\\/x"}\n//]]>',
        '{"url": "http://h/d/x",}',
        '{"a": "broken\nline", "url": "http://h/d/x"}',
        '[' * 100_000 + '"http://h/d/x"',
    ],
)  # fmt: skip
def test_json_ld_as_it_is_found(text: str) -> None:
    assert list(found(f"<script type=application/ld+json>{text}</script>")) == ["x"]


def test_import_maps_and_speculation_rules() -> None:
    imports = {"imports": {"a": "./a.js", "b/": "./b/"}, "scopes": {"/s/": {"c": "c.js"}, "x": 1}}
    assert found(f"<script type=importmap>{json.dumps(imports)}</script>") == {
        "a.js": "E importmap",
        "c.js": "E importmap",
    }
    rules = {"prerender": [{"urls": ["x", 1]}, {"where": {"href_matches": "/*"}}, 2], "tag": "t"}
    assert found(f"<script type=speculationrules>{json.dumps(rules)}</script>") == {"x": "L speculationrules"}
    assert found("<script type=importmap>[]</script><script type=importmap>{</script>") == {}


def test_json_documents() -> None:
    text = json.dumps(
        {"a": ["/d/x", "/d/x.png", "http://h/d/y#z", "x.html"], "icon": "i.png", "$schema": "http://h/d/s"}
    )
    assert found(text, "application/json") == {
        "x": "L json", "x.png": "E json", "y": "L json", "i.png": "E json"
    }  # fmt: skip
    assert found('callback({"a": "\\/d\\/x"})', "text/json") == {"x": "L json"}
    for none in ('"x"', '"/"', '"//"', '"/a b"', '"/{id}"', '"/*"', '"/^x$/"', '"http://"', '"http://a b"', "3", ""):
        assert found(none, "application/json") == {}, none


def test_a_long_json_document_is_searched_without_a_tree() -> None:
    text = '["' + "x" * MAX_TREE + '", {"image": "/d/x", "a": "http://h/d/\\u0079"}]'
    assert list(found(text, "application/json")) == ["x", "y"]


def test_json_feed() -> None:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "T", "home_page_url": "http://h/d/home", "feed_url": "http://h/d/feed.json", "icon": "http://cdn/icon",
        "hubs": [{"type": "WebSub", "url": "http://hub/"}],
        "items": [
            {
                "id": "1", "url": "http://h/d/1", "image": "http://cdn/i", "content_text": "http://h/no and more",
                "content_html": "<a href='2'>x</a><img src=http://cdn/p>",
                "attachments": [{"url": "http://cdn/a", "mime_type": "audio/mpeg"}],
            }
        ],
    }  # fmt: skip
    roles = found(json.dumps(feed), "application/feed+json")
    assert {url for url, role in roles.items() if role[0] == "L"} == {"home", "feed.json", "1", "2"}
    assert {url for url, role in roles.items() if role[0] == "E"} == {
        "http://cdn/icon", "http://cdn/i", "http://cdn/p", "http://cdn/a"
    }  # fmt: skip


def test_web_app_manifests() -> None:
    manifest = {
        "name": "N", "start_url": "./?from=home", "scope": "/no/", "icons": [{"src": "icon"}, {"src": 1}, "x"],
        "screenshots": [{"src": "/d/shot"}],
        "shortcuts": [{"url": "/d/new", "icons": [{"src": "new.png"}]}, 3],
        "related_applications": [{"platform": "web", "url": "http://h/d/app"}],
        "share_target": {"action": "no"},
    }  # fmt: skip
    assert found(json.dumps(manifest), "application/manifest+json") == {
        "icon": "E manifest",
        "shot": "E manifest",
        "?from=home": "L manifest",
        "new": "L manifest",
        "new.png": "E manifest",
        "app": "L manifest",
    }
    assert found("[]", "application/manifest+json") == {}


ADDRESSES = """https://example.com https://example.com/a?b=c //cdn.example.com/x /about /a/b.html /a/b/ x/y.json
../i/x.png ./x.css page.php?id=1 /api/v1/items http://h.example:8080/x main.3f2a.js""".split()
NO_ADDRESSES = """text/html use-strict a.b.c 1.5 /1 /a /g http:// https:// // /// . .. ../ #x $.x .class div.item
application/json en/US M/D/YYYY http://www.w3.org/2000/svg https://schema.org/Thing //localhost x.y {a}.html
/item/{id} /:id javascript:void(0) a,b.png /[a-z]+/ <br/> Math.min i.js.map() %s.html? and/or
data:image/png;base64,AA.png""".split()


@pytest.mark.parametrize("text", ADDRESSES)
def test_addresses_in_programs(text: str) -> None:
    assert looks_like_address(text) is (text != "/a/b/")  # a prefix, for the program to go on from


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_no_addresses_in_programs(text: str) -> None:
    assert not looks_like_address(text)


PROGRAM = r"""
// it's a comment
const a = "\/d\/x.html", b = '\u002fd\u002fy.json', c = `/d/z.png`, d = `/d/${a}.png`, e = "/d/" + a;
fetch("https://h.example/api/list");  if (/["']/.test(a)) {}
"""


def test_programs_hold_guesses_only() -> None:
    guesses = {"x.html": "X script/string", "y.json": "X script/string", "z.png": "X script/string"}
    guesses["https://h.example/api/list"] = "X script/string"
    for media_type in ("text/javascript", "application/x-javascript"):
        assert found(PROGRAM, media_type, guesses=True) == guesses
        assert found(PROGRAM, media_type) == {}
    for kind in ("", "type=module", "type='text/javascript; charset=utf-8'"):
        assert found(f"<script {kind}>{PROGRAM}</script>", guesses=True) == guesses
        assert found(f"<script {kind}>{PROGRAM}</script>") == {}
    assert found(f"<script type=text/template>{PROGRAM}</script>", guesses=True) == {}


def test_a_link_is_more_than_a_guess() -> None:
    page = "<script>a='/d/x.html'</script><a href=x.html></a><script type=application/json>['/d/y.png']</script>"
    links = extract(
        Document(PAGE, "text/html", None, page.replace("'/d/y.png'", '"/d/y.png"').encode(), guesses=True)
    ).links
    assert [(url[-6:], role.kind) for url, role in links.items()] == [
        ("x.html", Kind.NAVIGATION), ("/y.png", Kind.GUESS)
    ]  # fmt: skip


def test_guesses_are_bounded() -> None:
    text = ",".join(f"'/d/{number}.html'" for number in range(MAX_GUESSES + 10))
    assert len(found(text, "text/javascript", guesses=True)) == MAX_GUESSES
