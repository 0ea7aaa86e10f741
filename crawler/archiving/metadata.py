"""The metadata record of an attempt: what it tells, and its links read back. No I/O.

application/warc-fields, one field a line: `via` and `fetchTimeMs` are WARC 1.1's own (section 6.6.1), `outlink` is
Heritrix's. No value can start a line of its own.
"""

from __future__ import annotations

import functools

from msgspec.structs import replace

from crawler.capture import Capture
from crawler.frontier import Finished, RetryAt
from crawler.model import REDIRECT, Exchange, Kind, Links, Role


def metadata_text(capture: Capture, exchange: Exchange | None) -> str:
    """The metadata block."""
    url = capture.url
    lines = [] if url.via is None else [f"via: {url.via}"]
    lines += [f"depth: {url.depth}", f"kind: {url.kind.name.lower()}", f"attempt: {url.attempt}"]
    if url.round > 1:
        lines.append(f"round: {url.round}")
    if exchange is not None:
        lines += _timing(exchange)
    lines += _reasons(capture, exchange)
    if exchange is not None:
        lines += _interim(exchange)
        if capture.revisit is not None:
            lines += _not_modified(exchange)
    if capture.extraction.title:
        lines.append(f"title: {_one_line(capture.extraction.title)}")
    if capture.extraction.failure:
        lines.append(f"extraction: {_one_line(capture.extraction.failure)}")
    if capture.extraction.unfollowed:
        lines.append(f"unfollowed: {_one_line(capture.extraction.unfollowed)}")
    lines += _outlinks(capture.extraction.links)
    return "\r\n".join(lines) + "\r\n"


def _outlinks(links: Links) -> list[str]:
    """One line a link; a second for one that its document also needs as a requisite."""
    lines = []
    for link, role in links.items():
        lines.append(f"outlink: {link} {role.code} {role.context}")
        if role.embedded:
            lines.append(f"outlink: {link} E {role.context}")
    return lines


def _timing(exchange: Exchange) -> list[str]:
    lines = [f"fetchTimeMs: {exchange.total_ms}"]
    if exchange.connect_ms is not None:
        lines.append(f"connectTimeMs: {exchange.connect_ms}")
    if exchange.first_byte_ms is not None:
        lines.append(f"firstByteTimeMs: {exchange.first_byte_ms}")
    if exchange.resent:
        lines.append(f"resent: {exchange.resent}")
    if exchange.redacted:
        lines.append(f"redacted: {', '.join(exchange.redacted)}")
    if not exchange.verified:
        lines.append("certificate: not verified")
    return lines


def _interim(exchange: Exchange) -> list[str]:
    """The heads before the final one (RFC 9110 section 15.2), escaped to stand on one line."""
    if exchange.response is None or exchange.message is None or not exchange.message.start:
        return []
    return [f"interim: {_escaped(exchange.response.read(0, exchange.message.start))}"]


def _not_modified(exchange: Exchange) -> list[str]:
    """The head of a 304, which its revisit record does not hold."""
    if exchange.response is None or exchange.message is None:
        return []
    head = exchange.response.read(exchange.message.start, exchange.message.end)
    return [f"notModified: {_escaped(head)}"]


def _escaped(heads: bytes) -> str:
    return heads.decode("latin-1").encode("unicode_escape").decode("ascii")


def _reasons(capture: Capture, exchange: Exchange | None) -> list[str]:
    """Why there is no whole answer, and whether another attempt follows."""
    lines = [] if capture.failure is None else [f"failure: {capture.failure}"]
    disposition = capture.disposition
    if exchange is not None and exchange.failure is not None:
        lines.append(f"reason: {_one_line(exchange.failure.reason)}")
    elif isinstance(disposition, Finished) and disposition.reason:
        lines.append(f"reason: {_one_line(disposition.reason)}")
    if isinstance(disposition, RetryAt):
        lines.append(f"retry: {_one_line(disposition.reason)}")
    return lines


def outlinks_in(block: bytes) -> dict[str, Role]:
    """The links that a metadata block lists."""
    found: dict[str, Role] = {}
    for line in block.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(": ")
        parts = value.split(" ")
        if name == "outlink" and len(parts) == 3 and parts[1] in _KINDS:
            link, role = parts[0], _role(parts[1], parts[2])
            known = found.get(link)
            found[link] = role if known is None else _embedded(known)
    return found


_KINDS = {"L": Kind.NAVIGATION, "E": Kind.REQUISITE, "X": Kind.GUESS, "R": Kind.NAVIGATION, "M": Kind.SITEMAP}


@functools.lru_cache(maxsize=4096)
def _role(code: str, context: str) -> Role:
    return Role(
        _KINDS[code],
        context,
        code,
        same_hop=context == REDIRECT.context or context.endswith("@import"),
        nofollow=context.endswith("[nofollow]"),
    )


@functools.lru_cache(maxsize=4096)
def _embedded(role: Role) -> Role:
    return replace(role, embedded=True)


def _one_line(text: str) -> str:
    """Control characters become visible, so that no value can start a line of its own."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
