"""The configuration of a crawl: one frozen value, the same for the library, the command line and crawl.toml."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from crawler.errors import UsageError
from crawler.liveness import DEFAULT_PROBES
from crawler.rules.ignoresets import SETS
from crawler.rules.types import TYPE_PATTERN
from crawler.scopekind import ScopeKind as ScopeKind
from crawler.seedoptions import MOST_OFFSITE_LINKS, options_by_url, split_seed
from crawler.urls import origin_text, seed_url

PROXY_SCHEMES = ("http", "socks5")
MIB = 1 << 20
GIB = 1 << 30
DIGESTS = ("sha256", "sha1")


class InvalidSetting(UsageError):
    """A value that a field of CrawlConfig cannot have. The command line replaces the field's name by the option's."""

    def __init__(self, field: str, sentence: str) -> None:
        self.field, self.sentence = field, sentence
        super().__init__(f"{field}: {sentence}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlConfig:
    """Every option of a crawl. Sizes are bytes, times seconds, None means no limit.

    Raises InvalidSetting for a value out of range, so that a configuration that exists is a valid one."""

    seeds: Sequence[str] = ()
    """URLs; one without a scheme means https."""
    seed_options: tuple[str, ...] = ()
    """Seeds with options of their own, one a URL: `https://a.example/docs/ scope=prefix depth=3`. A seed in `seeds` may
    have them behind its URL, too, and is parted from them here."""
    output: str | Path = "crawls/crawl"
    """The crawl directory."""

    # what to fetch
    scope: ScopeKind = ScopeKind.HOST
    include: tuple[str, ...] = ()
    """Regular expressions, searched for in the URL; one that matches is fetched even beyond the scope."""
    exclude: tuple[str, ...] = ()
    """Regular expressions; a URL that one of them matches is not fetched, whatever else says it should be."""
    max_depth: int | None = None
    offsite_links: int = 0
    """Links to follow beyond the scope, in a row."""
    ignore_sets: tuple[str, ...] = ()
    """Names of ready-made sets of patterns that are not fetched."""
    accept_types: tuple[str, ...] = ()
    """Patterns of media types; others are not kept, but for web pages."""
    reject_types: tuple[str, ...] = ()
    """Patterns of media types that are not kept."""
    traps: bool = True
    """Leave out URLs that look like those of a site without end."""
    robots: bool = True
    respect_nofollow: bool = False
    """Do not follow links that their page asks robots not to follow."""
    guesses: bool = False
    """Try what looks like an address in scripts, after all else."""
    strip_query: tuple[str, ...] = ()
    """Patterns of the names of query parameters that are left out of every URL."""
    sitemaps: bool = True
    """Fetch sitemaps and follow what they list."""
    pdf: bool = True
    """Search PDFs for links."""
    allow_private: bool = False
    """Connect to addresses that are not public, not only where a seed lives."""

    # how much
    max_pages: int | None = None
    host_pages: int | None = None
    """Pages of one host."""
    max_bytes: int | None = None
    max_time: float | None = None
    max_body: int = GIB
    min_free_disk: int = GIB
    disk_wait: float | None = None

    # how fast
    concurrency: int = 64
    per_host: int = 2
    per_ip: int | None = None
    """Requests in flight to all the hosts of one IP address; None is as `per_host`, 0 no limit."""
    delay: float | None = None
    """Seconds between two requests to a host; None is `auto`."""
    limit_rate: int | None = None
    """Bytes a second, received in all."""
    timeout: float = 30.0
    """Longest silence: to connect, and between two reads."""
    max_fetch_time: float = 1200.0
    retries: int = 3
    """Attempts beyond the first."""
    probes: int = DEFAULT_PROBES
    """How often a host that stopped answering is asked again before its URLs are given up."""

    # who asks
    user_agent: str | None = None
    contact: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    cookies: str | Path | None = None
    """A cookies.txt; its cookies go where they belong."""
    auth: tuple[tuple[str, str], ...] = ()
    """Pairs of host (or scheme, host and port) and `user:password`."""
    redact: bool = True
    """Mask in request records what the user gave: Authorization, Cookie and Proxy-Authorization."""
    proxy: str | None = None
    ca_file: str | Path | None = None
    insecure: bool = False
    """Do not verify certificates."""
    client_cert: str | Path | None = None
    client_key: str | Path | None = None
    ipv4_only: bool = False
    ipv6_only: bool = False
    bind_address: str | None = None

    # the archive
    segment_size: int = GIB
    prefix: str = "annals"
    digest: str = "sha256"
    compression_level: int = 5
    dedupe: bool = True
    """Keep identical payloads once."""
    dedupe_from: tuple[str | Path, ...] = ()
    """Other crawl directories or CDXJ files, whose payloads are not kept again."""

    # the run
    grace: float = 10.0
    retry_failed: bool = False
    recrawl: bool = False
    """Begin another round over a crawl that is finished."""
    from_archive: str | Path | None = None
    """Answer from this archive instead of the network."""
    demo: bool = False
    """Serve the bundled demonstration site on a loopback port as http://demo.test/."""

    def __post_init__(self) -> None:
        _fix_sequences(self)
        _check_encodable(self)
        _part_seeds(self)
        for field, (lowest, highest) in _RANGES.items():
            value = getattr(self, field)
            if value is not None or field not in _MAY_BE_NONE:
                _check_number(field, value, lowest, highest, whole=field in _WHOLE)
        for field, check in _CHECKS.items():
            value = getattr(self, field)
            if value is not None or field not in _MAY_BE_NONE:
                try:
                    check(value)
                except ValueError as error:
                    raise InvalidSetting(field, str(error)) from None
        _check_together(self)


_MAY_BE_NONE = frozenset(
    {
        "max_depth",
        "max_pages",
        "host_pages",
        "max_bytes",
        "max_time",
        "disk_wait",
        "per_ip",
        "limit_rate",
        "delay",
        "user_agent",
        "contact",
        "cookies",
        "proxy",
        "ca_file",
        "client_cert",
        "client_key",
        "bind_address",
        "from_archive",
    }
)

_RANGES: dict[str, tuple[float, float]] = {
    "max_depth": (0, 65535),
    "offsite_links": (0, MOST_OFFSITE_LINKS),
    "max_pages": (1, 1 << 62),
    "host_pages": (1, 1 << 62),
    "max_bytes": (1, 1 << 62),
    "max_time": (0.001, math.inf),
    "max_body": (1, 1 << 62),
    "min_free_disk": (0, 1 << 62),
    "disk_wait": (0, math.inf),
    "concurrency": (1, 10_000),
    "per_host": (1, 10_000),
    "per_ip": (0, 10_000),
    "limit_rate": (1, 1 << 62),
    "delay": (0, 86_400),
    "timeout": (0.001, 86_400),
    "max_fetch_time": (0.001, math.inf),
    "retries": (0, 100),
    "probes": (0, 1000),
    "segment_size": (1, 1 << 62),
    "compression_level": (0, 9),
    "grace": (0, math.inf),
}
"""The lowest and highest value of each number. `math.inf`: only finite values, but no bound."""

_WHOLE = frozenset(_RANGES) - {"max_time", "disk_wait", "delay", "timeout", "max_fetch_time", "grace"}


def _fix_sequences(config: CrawlConfig) -> None:
    """Lists become tuples, so that a frozen value is one; a lone string in place of a list is a mistake."""
    sequences = (
        "seeds",
        "include",
        "exclude",
        "seed_options",
        "strip_query",
        "ignore_sets",
        "accept_types",
        "reject_types",
        "headers",
        "auth",
    )
    for field in (*sequences, "dedupe_from"):
        value = getattr(config, field)
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise InvalidSetting(field, f"takes a sequence, not {value!r}")
        items = tuple(tuple(item) if isinstance(item, list) else item for item in value)
        if field in _LISTS:
            items = tuple(name.strip() for item in items for name in str(item).split(","))
        object.__setattr__(config, field, items)
    try:
        object.__setattr__(config, "scope", ScopeKind(config.scope))
    except ValueError:
        raise InvalidSetting("scope", f"{config.scope!r} is not one of {', '.join(ScopeKind)}") from None


def _check_encodable(config: CrawlConfig) -> None:
    """A configuration is kept as a file of text; an argument or a file's name may be any bytes."""
    for field in fields(config):
        if any(_SURROGATE.search(text) for text in _texts(getattr(config, field.name))):
            raise InvalidSetting(field.name, "is not UTF-8 text")  # not what was given: it may be a password


def _texts(value: object) -> Iterator[str]:
    """Those in a value, each by itself: printed as a whole, a tuple would show a surrogate as an escape."""
    if isinstance(value, tuple):
        for item in value:
            yield from _texts(item)
    else:
        yield str(value)


_SURROGATE = re.compile("[\ud800-\udfff]")
"""What Python makes of a byte of an argument or of a file's name that is no text."""


_LISTS = ("ignore_sets", "accept_types", "reject_types")
"""Each of their items may be several, with commas between them."""


def _part_seeds(config: CrawlConfig) -> None:
    """Leaves the URLs in `seeds` and takes what stands behind them to `seed_options`, in place of earlier ones."""
    parted = [split_seed(seed) if isinstance(seed, str) else (seed, "") for seed in config.seeds]
    own = {url: f"{url} {options}" for url, options in map(split_seed, config.seed_options) if options}
    own.update((url, f"{url} {options}") for url, options in parted if options)
    object.__setattr__(config, "seeds", tuple(url for url, _ in parted))
    object.__setattr__(config, "seed_options", tuple(own.values()))


def _check_number(field: str, value: object, lowest: float, highest: float, *, whole: bool) -> None:
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise InvalidSetting(field, f"{value!r} is not a {'whole number' if whole else 'number'}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidSetting(field, f"{value!r} is not a finite number")
    if value < lowest:
        raise InvalidSetting(field, f"{value} is too little; the least is {lowest}")
    if value > highest:
        raise InvalidSetting(field, f"{value} is too much; the most is {highest:,}")


def _check_patterns(patterns: Sequence[str]) -> None:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except (re.error, TypeError, OverflowError) as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
        if not pattern:
            raise ValueError("an empty pattern is found in every URL")


def _check_names(patterns: Sequence[str]) -> None:
    for pattern in patterns:
        if not isinstance(pattern, str) or not _NAME_PATTERN.fullmatch(pattern):
            raise ValueError(f"{pattern!r} is not the name of a query parameter; write `utm_*` or `PHPSESSID`")


def _check_sets(names: Sequence[str]) -> None:
    for name in names:
        if name not in SETS:
            raise ValueError(f"{name!r} is not one of {', '.join(SETS)}")


def _check_types(patterns: Sequence[str]) -> None:
    for pattern in patterns:
        if not TYPE_PATTERN.fullmatch(pattern):
            raise ValueError(f"{pattern!r} is not a media type in lower case; write video/* or application/pdf")


_NAME_PATTERN = re.compile(r"[^\s=&#\x00-\x1f]+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110 section 5.6.2."""

_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
"""RFC 9110 section 5.5: no control character but tab; what lies beyond ASCII goes out as latin-1."""

_OWN_HEADERS = frozenset(
    {"connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""They say how the message is framed and where it goes: the fetcher's own to set."""


def check_headers(headers: Sequence[tuple[str, str]]) -> None:
    """Raises ValueError naming the first that may not be given."""
    for header in headers:
        if len(header) != 2 or not all(isinstance(part, str) for part in header):
            raise ValueError(f"{header!r} is not a pair of name and value")
        name, value = header
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is not a header name")
        if not _FIELD_VALUE.fullmatch(value):
            raise ValueError(f"the value of {name} has a character that no header may carry")
        if name.lower() in _OWN_HEADERS:
            raise ValueError(f"{name} is set by the crawler itself")
        if name.lower() == "user-agent":
            raise ValueError("the user agent has an option of its own, --user-agent")
        if name.lower() == "proxy-authorization":
            raise ValueError("a proxy's user and password belong into --proxy")


def _check_auth(pairs: Sequence[tuple[str, str]]) -> None:
    for pair in pairs:
        if len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise ValueError("takes pairs of a host and 'user:password'")
        host, login = pair
        url = seed_url(host)
        if url != origin_text(url) + "/":
            raise ValueError(f"{host!r} is more than a host; a password is for all of it")
        if not re.fullmatch(r"[^:\x00-\x1f\x7f]*:[^\x00-\x1f\x7f]*", login):  # RFC 7617 section 2
            raise ValueError(f"what is given for {host} is not of the form USER:PASSWORD")


def _check_proxy(proxy: str) -> None:
    parts = urlsplit(proxy) if isinstance(proxy, str) else None
    if parts is None or parts.scheme not in PROXY_SCHEMES or not parts.hostname:
        raise ValueError(f"must be like {' or '.join(f'{scheme}://HOST:PORT' for scheme in PROXY_SCHEMES)}")
    if parts.port is None or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must name a host and a port, and nothing behind them")


def _check_bind_address(address: str) -> None:
    ip_address(address)


def _check_together(config: CrawlConfig) -> None:
    """Options that contradict or need each other."""
    if config.dedupe_from and not config.dedupe:
        raise InvalidSetting("dedupe_from", "contradicts --no-dedupe")
    if config.ipv4_only and config.ipv6_only:
        raise InvalidSetting("ipv6_only", "contradicts --ipv4-only")
    if config.bind_address is not None and (config.ipv4_only or config.ipv6_only):
        version = ip_address(config.bind_address).version
        if (version == 4) is not config.ipv4_only:
            raise InvalidSetting("bind_address", f"{config.bind_address} is an IPv{version} address")
    if config.proxy is not None and config.proxy.startswith("socks5:"):
        for field in ("ipv4_only", "ipv6_only", "bind_address"):
            if getattr(config, field):
                raise InvalidSetting(field, "is of no use with a SOCKS proxy, which makes the connections")
    if config.client_key is not None and config.client_cert is None:
        raise InvalidSetting("client_key", "is of no use without --client-cert")


def _check_text(text: str) -> None:
    if not isinstance(text, str) or not text.strip() or not re.fullmatch(r"[\x20-\x7e]+", text):
        raise ValueError(f"{text!r} must be one line of plain ASCII text, and not empty")


def _check_contact(contact: str) -> None:
    _check_text(contact)
    if not re.fullmatch(r"(mailto:)?[^@\s()]+@[^@\s()]+|https?://[^\s()]+", contact):
        raise ValueError(f"{contact!r} must be an e-mail address or a web address (http:// or https://)")


def _check_prefix(prefix: str) -> None:
    if not isinstance(prefix, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", prefix):
        raise ValueError(f"{prefix!r} may have 1 to 64 letters, digits, dots, underscores and hyphens")


def _check_digest(digest: str) -> None:
    if digest not in DIGESTS:
        raise ValueError(f"{digest!r} is not one of {', '.join(DIGESTS)}")


def _check_seeds(seeds: Sequence[str]) -> None:
    for seed in seeds:
        if not isinstance(seed, str) or not seed.strip():
            raise ValueError(f"{seed!r} is not a URL")


def _check_paths(paths: Sequence[object]) -> None:
    for path in paths:
        _check_path(path)


def _check_path(path: object) -> None:
    if not isinstance(path, str | Path) or not str(path):
        raise ValueError(f"{path!r} is not the name of a file or directory")


_CHECKS: dict[str, Callable[..., object]] = {
    "seed_options": options_by_url,
    "seeds": _check_seeds,
    "include": _check_patterns,
    "exclude": _check_patterns,
    "strip_query": _check_names,
    "dedupe_from": _check_paths,
    "output": _check_path,
    "cookies": _check_path,
    "ca_file": _check_path,
    "client_cert": _check_path,
    "client_key": _check_path,
    "from_archive": _check_path,
    "ignore_sets": _check_sets,
    "accept_types": _check_types,
    "reject_types": _check_types,
    "headers": check_headers,
    "auth": _check_auth,
    "proxy": _check_proxy,
    "bind_address": _check_bind_address,
    "user_agent": _check_text,
    "contact": _check_contact,
    "prefix": _check_prefix,
    "digest": _check_digest,
}
