"""Character encodings: how to find a document's, to decode with it, and to write its links' queries in it."""

from __future__ import annotations

import re

import webencodings
from webencodings import Encoding

UTF_8: Encoding = webencodings.UTF8
_WINDOWS_1252: Encoding = webencodings.lookup("windows-1252")
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))
_PRESCAN = 1024  # HTML Standard, section 13.2.3.2: how far a declaration is looked for
_LONG = 1 << 20
_DETECTED = 64 << 10
"""Bytes that an undeclared encoding is told by: 4 ms at most."""
_TOP_LEVEL = re.compile(r"https?://(?:[^/:@?#]*\.)?([a-z][a-z0-9-]*)(?=[/:?#]|\Z)")
_ITS_NAMES = {"cp874": "windows-874"}
"""Where the detector tells Python's name."""
# Python's codecs of these names lack characters that the Encoding Standard's have.
_CODECS = {"shift_jis": "cp932", "euc-kr": "cp949", "gbk": "gb18030", "big5": "big5hkscs"}

_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_XML = re.compile(rb"\s*<\?xml\s[^>]*?encoding\s*=\s*[\"']([^\"'>]+)[\"']")
_META = re.compile(rb"<meta[\s/]([^>]*)>?", re.IGNORECASE)
_ATTRIBUTE = re.compile(rb"([^\s/>\"'=]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>\"']+))")
_CONTENT_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([^\s\"';]+)", re.IGNORECASE)
_AT_CHARSET = re.compile(rb'@charset "([^"]{1,100})";')


def of_html(content: bytes, declared: str | None, url: str = "") -> tuple[Encoding, int]:
    """The encoding of an HTML or XML document and the length of its byte order mark.

    HTML Standard, section 13.2.3.2: byte order mark, then the Content-Type's charset, then the document's own word;
    without any, UTF-8 where it is valid, and what its bytes look like where it is not. The top-level domain of `url`
    helps to tell."""
    return _byte_order_mark(content) or (
        _named(declared) or _declared_in_html(content[:_PRESCAN]) or _guessed(content, url),
        0,
    )


def of_css(content: bytes, declared: str | None) -> tuple[Encoding, int]:
    """The same for a style sheet (CSS Syntax, section 3.2): its own word is an exact @charset rule."""
    rule = _AT_CHARSET.match(content)
    own = _named(rule[1].decode("ascii", "replace")) if rule else None
    return _byte_order_mark(content) or (_named(declared) or _not_utf_16(own) or UTF_8, 0)


def decode(content: bytes, encoding: Encoding) -> str:
    """The text; whatever cannot be decoded becomes U+FFFD."""
    name = _CODECS.get(encoding.name)
    if name:
        return content.decode(name, "replace")
    return str(encoding.codec_info.decode(content, "replace")[0])


def encode_query(reference: str, encoding: Encoding) -> str:
    """The reference with the non-ASCII characters of its query percent-encoded in a legacy encoding.

    URL Standard, query state, and section 1.3 "percent-encode after encoding". UTF-16 documents write UTF-8."""
    if encoding is UTF_8 or encoding.name.startswith("utf-16") or encoding.name == "replacement":
        return reference
    path, mark, query = reference.partition("?")
    return path + mark + _NON_ASCII.sub(lambda run: _percent_encoded(run[0], encoding), query)


_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
_QUERY_SAFE = frozenset(range(0x21, 0x7F)) - frozenset(b"\"#<>'")


def _percent_encoded(run: str, encoding: Encoding) -> str:
    name = _CODECS.get(encoding.name)
    try:
        encoded = run.encode(name) if name else encoding.codec_info.encode(run, "strict")[0]
    except UnicodeEncodeError:
        if len(run) > 1:
            return "".join(_percent_encoded(character, encoding) for character in run)
        return f"%26%23{ord(run)}%3B"
    return "".join(chr(byte) if byte in _QUERY_SAFE else f"%{byte:02X}" for byte in encoded)


def _byte_order_mark(content: bytes) -> tuple[Encoding, int] | None:
    for mark, label in _BOMS:
        if content.startswith(mark):
            return UTF_8 if label == "utf-8" else webencodings.lookup(label), len(mark)
    return None


def _named(label: str | None) -> Encoding | None:
    found = webencodings.lookup(label) if label else None
    return UTF_8 if found is not None and found.name == "utf-8" else found


def _not_utf_16(encoding: Encoding | None) -> Encoding | None:
    """A declaration that could be read as ASCII cannot have been UTF-16."""
    if encoding is None:
        return None
    if encoding.name.startswith("utf-16"):
        return UTF_8
    return _WINDOWS_1252 if encoding.name == "x-user-defined" else encoding


def _declared_in_html(head: bytes) -> Encoding | None:
    xml = _XML.match(head)
    if xml and (encoding := _not_utf_16(_named(xml[1].decode("ascii", "replace")))):
        return encoding
    for meta in _META.finditer(_COMMENT.sub(b"", head)):
        attributes = {name.lower(): a or b or c for name, a, b, c in _ATTRIBUTE.findall(meta[1])}
        label = attributes.get(b"charset")
        if label is None and attributes.get(b"http-equiv", b"").lower() == b"content-type":
            pragma = _CONTENT_CHARSET.search(attributes.get(b"content", b""))
            label = pragma[1] if pragma else None
        if label and (encoding := _not_utf_16(_named(label.decode("ascii", "replace")))):
            return encoding
    return None


def _guessed(content: bytes, url: str) -> Encoding:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        # A long body may have been cut off within a character.
        return UTF_8 if error.start >= max(len(content) - 3, _LONG) else _detected(content[:_DETECTED], url)
    return UTF_8


def _detected(content: bytes, url: str) -> Encoding:
    """What Firefox's detector takes it for (https://docs.rs/chardetng); it weighs in what is usual in that domain."""
    from chardetng_py import EncodingDetector  # here: hardly any page needs it

    detector = EncodingDetector()
    detector.feed(content, last=True)
    label = _TOP_LEVEL.match(url)
    guess = detector.guess(tld=label[1].encode() if label else None, allow_utf8=False)
    return _named(_ITS_NAMES.get(guess, guess)) or _WINDOWS_1252
