"""The values that travel through a crawl, in the field's own terms.

    CrawlURL -> Exchange -> Capture -> Receipt -> Outcome

Every value is frozen and slotted: a fetch task, the archiver and a callback may hold the same one without
watching each other. Nothing here does I/O.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol

from msgspec import Struct, field


class Kind(enum.IntEnum):
    """Why a URL is wanted. The smaller value is the better reason: a URL is promoted towards it, never away."""

    NAVIGATION = 0
    """A page somebody named (a seed) or a link that a person would follow."""
    REQUISITE = 1
    """Something a page needs to be shown: image, style sheet, script, font, frame."""
    GUESS = 2
    """A string that looks like a URL; tried last."""
    ROBOTS = 3
    """A host's robots.txt, asked for by the frontier itself before anything else of that host."""
    SITEMAP = 4
    """A list of a site's URLs: named by its robots.txt or another sitemap, or tried at the usual place. No page."""


class Role(Struct, frozen=True):
    """How a link was found. Roles are shared constants: one object for every `a/@href` there is."""

    kind: Kind
    context: str
    """Where it stood, in the notation of Heritrix's outlinks: `a/@href`, `img/@srcset`, `css/url()`, `css/@import`,
    `meta/@refresh`, `header/location`."""
    code: str
    """Heritrix's hop letter: L link, E embed, X speculative, R redirect, M manifest (a sitemap)."""
    same_hop: bool = False
    """True for a redirect and for a CSS import: what it leads to is no hop further from the scope."""
    embedded: bool = False
    """True for a link that the same document also needs as a requisite (`<a href=x.jpg><img src=x.jpg></a>`): where
    it is out of scope as a link, it is to be judged as a requisite."""
    nofollow: bool = False
    """True for a link that its page asks robots not to follow."""


REDIRECT = Role(Kind.NAVIGATION, "header/location", "R", same_hop=True)
"""The role of a redirect's target. It takes over the kind and depth of the URL that redirected."""

REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
"""Those whose Location is followed (RFC 9110 section 15.4; Fetch Standard, redirect status)."""


class CrawlURL(Struct, frozen=True):
    """A URL that the frontier decided to fetch, with all that the decision about its links will need."""

    url: str
    """Absolute, normalised (WHATWG), without fragment; exactly what goes on the wire."""
    kind: Kind = Kind.NAVIGATION
    depth: int = 0
    """Links followed from a seed; a redirect or a requisite adds none."""
    offsite: int = 0
    """Hops beyond the scope: 0 in scope; requisites' at most 2, links' at most `--offsite-links`."""
    redirects: int = 0
    """Redirects that led here in a row, at most 20."""
    via: str | None = None
    """The URL it was found on; None for a seed."""
    seed: int = 0
    """The number of the seed it descends from; that seed's scope applies. For a submitted URL and what descends from
    it, minus the number of the seed in whose scope it is, or 0."""
    attempt: int = 1
    """Which request for this URL in this round, counted from 1."""
    round: int = 1
    """Which pass over the site."""
    nesting: int = 0
    """Requisites in a row that led to this one, each found on the one before, redirects among them: 0 for what a page
    needs itself, and for all but requisites."""
    conditions: tuple[tuple[str, str], ...] = ()
    """Request headers that ask for the document only if it has changed since an earlier round."""
    again: bool = False
    """True for a fetch beyond the outcome (a redirect back to a URL already seen, with changed cookies)."""
    rejudge: bool = False
    """True when nothing is to be fetched: its stored outlinks are to be judged again, for this better kind or depth."""
    headers: tuple[tuple[str, str], ...] = ()
    """Headers that hooks give to this request."""
    secret: tuple[str, ...] = ()
    """Which of them are to be masked in the archive, in lower case."""
    key: tuple[int, int] = (0, 0)
    """The frontier's own name for the claim. Opaque to everybody else."""


class Truncation(enum.StrEnum):
    """WARC 1.1 section 5.13, WARC-Truncated: why a record holds less than the server sent or meant to send."""

    LENGTH = "length"
    TIME = "time"
    DISCONNECT = "disconnect"
    UNSPECIFIED = "unspecified"


class FailureKind(enum.StrEnum):
    """What kept an exchange from giving a whole HTTP answer."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    DISCONNECT = "disconnect"
    NOT_HTTP = "not-http"
    BAD_FRAMING = "bad-framing"
    INVALID_URL = "invalid-url"
    ADDRESS = "private-address"
    """Its host is at no public address, so nothing was sent (see crawler/network/access.py)."""
    TYPE = "unwanted-type"
    """Its media type is not to be kept, so the rest was not received."""
    TRUNCATED = "truncated"
    """Cut off at `--max-body`."""
    ROBOTS = "robots"
    """The host's robots.txt could not be had, so nothing may be asked of it (RFC 9309 section 2.3.1.4)."""
    NOT_IN_ARCHIVE = "not-in-archive"
    """The crawl is run from an archive, which has no answer for it."""
    HOOK = "hook"
    """A hook of the user's raised; see crawler/hooks.py."""
    INTERNAL = "internal"


class Failure(Struct, frozen=True):
    """Why there is no whole answer: the class, for decisions, and a sentence, for people."""

    kind: FailureKind
    reason: str


class Body(Protocol):
    """Received bytes, in memory or spooled to a file, that can be read more than once."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    @property
    def in_memory(self) -> int:
        """How many bytes of memory it holds now (0 when spooled): what the hand-off counts."""

    def read(self, start: int, stop: int) -> bytes:
        """The bytes [start, stop), fewer at the end."""

    def chunks(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes [start, stop) in pieces of at most 1 MiB."""

    def close(self) -> None:
        """Frees the memory or the file; may be called twice."""


class MessageSpan(Struct, frozen=True):
    """Where the HTTP response lies in the received bytes: offsets into `Exchange.response`.

    [0, start) interim 1xx heads, [start, head_end) the final head, [head_end, end) the framed body,
    [end, size) surplus that belongs to no message."""

    start: int
    head_end: int
    end: int
    chunked: bool


class Exchange(Struct, frozen=True):
    """One request on the wire and whatever came back, byte for byte."""

    url: str
    started: datetime
    """When the request began to be sent (UTC, microseconds): the WARC-Date of all its records."""
    request: bytes
    """The bytes that were sent; empty if no connection came about."""
    response: Body | None
    """All bytes received for it; None when there were none."""
    message: MessageSpan | None
    """Where the response lies in them; None if they do not begin with `HTTP/`."""
    status: int | None = None
    http_version: str | None = None
    """`http/1.1` or `http/1.0`, as WARC-Protocol writes it."""
    headers: tuple[tuple[str, str], ...] = ()
    """The final head's fields in order (latin-1, surrounding white space removed), as far as they could be read."""
    media_type: str | None = None
    """The essence of Content-Type in lower case (`text/html`), or None."""
    content: bytes = b""
    """The body for parsing: de-chunked, content codings undone, bounded; b"" when nobody would parse it."""
    truncated: Truncation | None = None
    failure: Failure | None = None
    """Set when there is no whole answer; may stand beside a response that was cut off."""
    peer: str | None = None
    """The IP address really connected to."""
    tls: tuple[str, str] | None = None
    """TLS version and cipher suite: ("tls/1.3", "TLS_AES_256_GCM_SHA384")."""
    resent: int = 0
    """How often a dropped keep-alive connection made the request go out again before any byte came back."""
    redacted: tuple[str, ...] = ()
    """Request headers whose values are masked, in lower case."""
    verified: bool = True
    """False over TLS without a check of the certificate."""
    cookies_changed: bool = False
    """True if the answer made later requests send other cookies."""
    finished: datetime | None = None
    """When all that came had come (UTC)."""
    connect_ms: int | None = None
    first_byte_ms: int | None = None
    total_ms: int = 0

    @property
    def whole(self) -> bool:
        """True for a complete HTTP answer of any status."""
        return self.failure is None and self.truncated is None and self.message is not None

    def header(self, name: str) -> str | None:
        """The first field of that name (any case), or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


Links = Mapping[str, Role]
"""Absolute URLs without fragment, in the order of the document, each with its best role."""


class Extraction(Struct, frozen=True):
    """What the extractors found in one document."""

    links: Links = field(default_factory=dict)
    title: str | None = None
    robots: tuple[tuple[str, str], ...] = ()
    """Name and content of its meta elements that ask robots not to follow links: (`robots`, `noindex, nofollow`)."""
    failure: str | None = None
    """Why extraction stopped early, if it did: an extractor's error costs this document's links only."""
    unfollowed: str | None = None
    """Why links that the rules accept are not followed, if that is so."""


class Outlink(Struct, frozen=True):
    """A link that the rules accepted: what the frontier is asked to queue."""

    url: str
    kind: Kind
    depth: int
    offsite: int
    redirects: int
    seed: int
    again: bool = False
    """Fetch once more even if it has its outcome: a redirect led back to it and cookies have changed."""


class OutcomeKind(enum.StrEnum):
    ARCHIVED = "archived"
    REVISITED = "revisited"
    FAILED = "failed"
    EXCLUDED = "excluded"
    INTERRUPTED = "interrupted"


class Receipt(Struct, frozen=True):
    """Proof that a record is durable: synced to disk and committed to the ledger."""

    seq: int
    """The outcome's number; numbers have no gaps and follow the order of the archive."""
    segment: str
    offset: int
    length: int
    record_id: str
    digest: str | None
    """Payload digest, `sha256:...`; None where there is no payload."""


class Outcome(Struct, frozen=True):
    """How a URL ended, told once a round, after the commit."""

    kind: OutcomeKind
    url: str
    seq: int = 0
    """0 for an interrupted URL, which the ledger never sees."""
    time: datetime | None = None
    """When the request was made; for an excluded URL, when the rule said no."""
    reason: str | None = None
    """The failure or the rule, in a sentence."""
    failure: FailureKind | None = None
    status: int | None = None
    media_type: str | None = None
    bytes: int = 0
    """Bytes of the response as received."""
    ms: int = 0
    attempt: int = 1
    depth: int = 0
    via: str | None = None
    seed: bool = False
    """True for a URL that the seeds name."""
    title: str | None = None
    """The document's title, where it has one."""
    receipt: Receipt | None = None
    page: bool = False
    """True for a URL wanted as a page: neither a requisite nor a robots.txt nor a sitemap."""
    fetched: datetime | None = None
    """When its answer was there, or had failed; None where nothing was asked."""
    archived: datetime | None = None
    """When it was durable: synced, and entered in the ledger."""
    round: int = 1
    """Which pass over the site."""

    @property
    def started(self) -> datetime | None:
        """When the request was made: `time` by another name, beside `fetched` and `archived`."""
        return self.time
