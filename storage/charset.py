"""The characters of a captured document: which encoding it is in, by the rules of the WHATWG that browsers follow.

First a byte order mark, then the charset that HTTP names, then what the document says of itself in its first KiB
(Encoding standard section 6; HTML section 13.2.3), then UTF-8 if it is that, and else windows-1252."""

from __future__ import annotations

import re

import webencodings

_PRESCAN = 1024
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_META = re.compile(rb"<meta[\s/][^>]*?charset\s*=\s*[\"']?\s*([^\s\"'/>;]+)", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"']+)")
_CSS = re.compile(rb"@charset \"([^\"]*)\";")
_PARAMETER = re.compile(r";\s*charset\s*=\s*[\"']?\s*([^\s\"';]+)", re.IGNORECASE)
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))


def decode_text(data: bytes, content_type: str) -> str:
    """The text of a document; what is not in its encoding becomes U+FFFD."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    encoding = _lookup(found[1] if (found := _PARAMETER.search(content_type)) else None) or _declared(data)
    if encoding is None:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            encoding = webencodings.lookup("windows-1252")
    text: str = encoding.codec_info.decode(data, "replace")[0]
    return text


def _lookup(label: str | None) -> webencodings.Encoding | None:
    return None if label is None else webencodings.lookup(label)


def _declared(data: bytes) -> webencodings.Encoding | None:
    """What the document says; it can be read, so it is in no kind of UTF-16, whatever it says."""
    start = data[:_PRESCAN]
    found = _XML.match(start) or _CSS.match(start) or _META.search(_COMMENT.sub(b"", start))
    encoding = _lookup(found[1].decode("latin-1") if found else None)
    if encoding is not None and encoding.name in ("utf-16le", "utf-16be"):
        return webencodings.lookup("utf-8")
    return encoding
