"""Whatever the bytes: extraction raises nothing, and finds normalised http(s) URLs only."""

from __future__ import annotations

import re
from unittest.mock import patch

import tinycss2
from hypothesis import assume, example, given
from hypothesis import strategies as st

from crawler.links import EXTRACTORS, Document, extract
from crawler.links.css import add_css
from crawler.links.references import References
from crawler.links.srcset import srcset_urls
from crawler.model import Role
from crawler.urls import C0_AND_SPACE, Joiner, directory_of, join, normalize, origin, origin_text, seed_url

TYPES = st.sampled_from([None, "text/plain", "text/xml", *EXTRACTORS])
HEADERS = st.tuples(
    st.sampled_from(["link", "Link", "refresh", "content-location", "x"]),
    st.lists(st.sampled_from([*"<>;=,\"\\'x/? 1\xe4", "rel=next", "rel=preload", "url="])).map("".join),
)
CHARSETS = st.sampled_from([None, "utf-8", "utf-16", "shift_jis", "iso-2022-jp", "x-user-defined", "replacement", "?"])
BROKEN = "the XML "
PIECES = st.sampled_from(
    [
        "<a href=", "<img srcset=", "<base href=", "<style>", "</style>", "<template>",
        "</template>", "<iframe srcdoc=",
        "<svg>", "<title>", "<meta charset=", "<meta http-equiv=refresh content='0;url=",
        "<link rel=icon href=", "<p style=",
        "'", '"', ">", "<", "/", "//", "http://", "https:", "javascript:", "?", "#", ":", "@", "é",
        "?ä", "\0", "\n", " ",
        "x", "a.b", "%zz", "[", "url(", ")", "@import ", "\\", "{", "}", "<!--", "-->", "&amp;",
        "&#0;", "&#xD800;", ",",
        "\ud7ff", "\U0010ffff", "1x", "<![CDATA[", "]]>", "<?xml ", "?>", "\ufeff", "..",
        "<script>", "<script type=application/ld+json>", "<script type=importmap>", "data-bg=", "[1, ", ']}', "$Time$",
        '"image": ', '"/x"', "'/y.js'", "#EXTM3U\n", "<rss><link>", "<MPD>", "<SegmentTemplate ", "<S r='-1' d='0'/>",
        "80", "::1]",
    ]
)  # fmt: skip
MARKUP = (
    st.lists(PIECES, max_size=40)
    .map("".join)
    .flatmap(lambda text: st.sampled_from(["utf-8", "utf-16", "cp932"]).map(lambda name: text.encode(name, "replace")))
)


@given(st.one_of(st.binary(max_size=300), MARKUP), TYPES, CHARSETS, st.lists(HEADERS, max_size=4), st.booleans())
def test_extraction_never_raises_and_finds_only_normalised_urls(
    content: bytes, media_type: str | None, charset: str | None, headers: list[tuple[str, str]], guesses: bool
) -> None:
    document = Document("https://example.com/d/x?y", media_type, charset, content, tuple(headers), guesses)
    extraction = extract(document)
    assert extraction.failure is None or extraction.failure.startswith(BROKEN)
    for url in extraction.links:
        assert url.startswith(("http://", "https://"))
        assert url.isascii()
        assert "#" not in url
        assert not any(character in url for character in C0_AND_SPACE)
        assert normalize(url) == url
        assert str(origin(url)) == origin_text(url)


@given(st.text(max_size=60))
@example("http://a@b@c/")
@example("//@/")
def test_normalising_is_idempotent(text: str) -> None:
    for url in (normalize(text), normalize("http://" + text), join("https://h/d/e?f", text)):
        assert url is None or normalize(url) == url


REFERENCES = st.lists(
    st.sampled_from(["http:", "HTTPS:", "/", "//", "\\", "?", "#", ".", "..", "a", "é", " ", "\t",
        "\n", "@", ":", "%2e", "\0"]),
    max_size=6,
).map("".join)  # fmt: skip
PAGES = st.sampled_from(
    [
        "http://h/",
        "http://h/d/",
        "http://h/d/e",
        "http://h/d/e?f/g",
        "http://h/d/?q",
        "https://h/d/e",
        "http://h:81/d/e",
    ]
)


@given(st.lists(st.tuples(PAGES, REFERENCES), max_size=30))
def test_a_joiner_gives_what_join_gives(calls: list[tuple[str, str]]) -> None:
    joiner = Joiner(max_entries=20)
    for page, reference in calls:
        assert joiner.at(page)(reference) == join(page, reference)
        assert page.startswith(directory_of(page))


@given(st.text(max_size=30))
def test_a_seed_is_a_url_or_a_value_error(text: str) -> None:
    try:
        url = seed_url(text)
    except ValueError:
        return
    assert normalize(url) == url


@given(st.text("ab,() \t1wx.", max_size=40))
def test_srcset_addresses_hold_no_white_space_and_no_outer_commas(value: str) -> None:
    for url in srcset_urls(value):
        assert url
        assert not re.search(r"[ \t]|^,|,$", url)


class Found(References):
    """Notes each reference as it is found."""

    def __init__(self) -> None:
        super().__init__("http://h/")
        self.seen: list[tuple[str, str]] = []

    def add(self, reference: str | None, role: Role) -> None:
        self.seen.append((reference or "", role.context))


CSS_PIECES = st.sampled_from(
    [
        "url(", "URL(", "u\\72l(", "\\75rl(", '"', "'", "\\", "\n", " ", "/*", "*/", "@import ",
        "@namespace ", "image-set(",
        "-webkit-image-set(", "type(", ")", "(", "{", "}", "[", "]", ";", "a", "b.png", "x", "#",
        "@", '\\"', "\\'", "\\)",
        "\\29 ", "10", "1.5", "-", "--", "é", "×", ":", 'url("a.png")', "url(a.png)", "url( 'b' )",
        "svg|", "@\\69mport",
        "<!--", "-->", "5e3", "\\\n", "\\0", "0", "f", "\t", "\r", "+", ",", "%", "!", "/", ".", "\0",
    ]
)  # fmt: skip


@given(st.lists(CSS_PIECES, max_size=14).map("".join))
@example("url(\\")
@example("<!--url(x)")
def test_css_agrees_with_tinycss2(css: str) -> None:
    # tinycss2 takes a backslash before a newline for part of an unquoted URL; CSS Syntax (section 4.3.6) does not.
    assume(not re.search(r"\([^)]*\\.?.?\\?[\n\r\f]", css))
    found = Found()
    add_css(css, found)
    expected: list[tuple[str, str]] = []
    walk(tinycss2.parse_component_value_list(css), expected)
    assert found.seen == expected


@given(st.lists(CSS_PIECES, max_size=14).map("".join), st.integers(0, 200))
@example("\\00075\\00072\\0006c(x)", 10)
@example("a,-webkit-image-set('x' 1x)", 9)
def test_css_is_the_same_in_however_many_steps(css: str, beyond: int) -> None:
    # A step ends somewhere within what matters.
    text = " " * max(0, SMALL_STEP - beyond) + css
    whole, stepwise = Found(), Found()
    add_css(text, whole)
    with patch("crawler.links.css._STEP", SMALL_STEP):
        add_css(text, stepwise)
    assert stepwise.seen == whole.seen


SMALL_STEP = 300


def walk(nodes: list[tinycss2.ast.Node], out: list[tuple[str, str]], *, in_image_set: bool = False) -> None:
    """The references among tinycss2's component values."""
    position = 0
    while position < len(nodes):
        node = nodes[position]
        position += 1
        if node.type == "url":
            out.append((node.value, "css/url()"))
        elif node.type == "function" and node.lower_name == "url":
            url_function(node, out, "css/url()")
        elif node.type == "function":
            walk(node.arguments, out, in_image_set=node.lower_name in ("image-set", "-webkit-image-set"))
        elif node.type == "string" and in_image_set:
            out.append((node.value, "css/image-set()"))
        elif node.type in ("() block", "[] block", "{} block"):
            walk(node.content, out)
        elif node.type == "at-keyword" and node.lower_value in ("import", "namespace"):
            position = at_rule(nodes, position, out, imports=node.lower_value == "import")


def url_function(node: tinycss2.ast.FunctionBlock, out: list[tuple[str, str]], context: str | None) -> None:
    arguments = significant(node.arguments)
    if arguments and arguments[0].type == "string":
        if context:
            out.append((arguments[0].value, context))
        arguments = arguments[1:]
    walk(arguments, out)


def significant(nodes: list[tinycss2.ast.Node]) -> list[tinycss2.ast.Node]:
    return [node for node in nodes if node.type not in ("whitespace", "comment")]


def at_rule(nodes: list[tinycss2.ast.Node], position: int, out: list[tuple[str, str]], *, imports: bool) -> int:
    def skip(start: int) -> int:
        while start < len(nodes) and nodes[start].type in ("whitespace", "comment"):
            start += 1
        return start

    following = skip(position)
    if not imports and following < len(nodes) and nodes[following].type == "ident":
        following = skip(following + 1)
    if following >= len(nodes):
        return position
    node = nodes[following]
    if node.type in ("string", "url"):
        if imports:
            out.append((node.value, "css/@import"))
        return following + 1
    if node.type == "function" and node.lower_name == "url":
        url_function(node, out, "css/@import" if imports else None)
        return following + 1
    return position
