"""Every option, once. The command line, crawl.toml, `--help` and docs/options.md are all made from this table.

An option's default and its range are CrawlConfig's; here stands what it is called, how its value is written and
what it means to the person who uses it.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from crawler.config import DIGESTS, CrawlConfig, ScopeKind
from crawler.rules.ignoresets import SETS
from crawler.units import exact_size, parse_duration, parse_size, show_duration


class Group(enum.StrEnum):
    """The headings of `--help` and docs/options.md, in order."""

    START = "what to crawl and where to keep it"
    SCOPE = "what to fetch"
    LIMITS = "how much"
    PACE = "how fast"
    IDENTITY = "who asks"
    ARCHIVE = "the archive"
    RUN = "the run"


def read_text(raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"{raw!r} is not text")
    return raw


def read_count(raw: object) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int | str):
        raise ValueError(f"{raw!r} is not a whole number")
    try:
        return int(raw)
    except ValueError:
        raise ValueError(f"{raw!r} is not a whole number") from None


def read_size(raw: object) -> int:
    return parse_size(raw) if isinstance(raw, str) else read_count(raw)


def read_duration(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise ValueError(f"{raw!r} is not a time")
    return parse_duration(raw) if isinstance(raw, str) else float(raw)


def read_delay(raw: object) -> float | None:
    return None if raw == "auto" else read_duration(raw)


def read_flag(raw: object) -> bool:
    if not isinstance(raw, bool):
        raise ValueError(f"{raw!r} is neither true nor false")
    return raw


def read_header(raw: object) -> tuple[str, str]:
    name, colon, value = read_text(raw).partition(":")
    if not colon:
        raise ValueError(f"{raw!r} has no colon; write 'Name: value'")
    return name.strip(), value.strip()


def read_login(raw: object) -> tuple[str, str]:
    host, equals, login = read_text(raw).partition("=")
    if not equals:
        raise ValueError("has no equals sign; write HOST=USER:PASSWORD")  # not what was given: it may be a password
    return host.strip(), login


def _as_is(value: Any) -> Any:
    return value


def _show_number(seconds: float) -> int | float:
    return int(seconds) if float(seconds).is_integer() else seconds


def _show_header(header: tuple[str, str]) -> str:
    return f"{header[0]}: {header[1]}"


def _show_login(pair: tuple[str, str]) -> str:
    return f"{pair[0]}={pair[1]}"


class Option(Struct, frozen=True):
    """One option: `--name` on the command line, `name` in crawl.toml."""

    name: str
    group: Group
    help: str
    """One line, for --help; the default is added to it."""
    read: Callable[[object], Any] = read_text
    """From the text of the command line or a TOML value. Raises ValueError with a sentence."""
    show: Callable[[Any], Any] = _as_is
    """To a TOML value."""
    metavar: str = ""
    """Empty for a switch."""
    field: str | None = None
    """The field of CrawlConfig; None for what concerns the command line only and cannot stand in crawl.toml."""
    repeat: bool = False
    """May be given several times: the field is a tuple."""
    negative: bool = False
    """A switch whose `--no-name` form exists too."""
    detail: str = ""
    """Further sentences for docs/options.md."""
    without: str = "no limit"
    """What the default None means, in words; empty for nothing."""
    short: str = ""
    """A one-letter form: `4` for `-4`."""

    @property
    def switch(self) -> bool:
        return not self.metavar

    @property
    def default(self) -> Any:
        """CrawlConfig's default; None for a command-line-only option."""
        return None if self.field is None else DEFAULTS[self.field]

    def default_text(self) -> str:
        """The default in words, or "" where there is nothing to say."""
        value = self.default
        if self.field in (None, "output") or self.switch or value == ():
            return ""
        if value is None:
            return self.without
        return show_duration(value) if self.read is read_duration else str(self.show(value))


DEFAULTS: Mapping[str, Any] = {field.name: field.default for field in dataclasses.fields(CrawlConfig)}


def _size(name: str, group: Group, help: str, detail: str = "") -> Option:
    return Option(name, group, help, read_size, exact_size, "SIZE", name.replace("-", "_"), detail=detail)


def _time(name: str, group: Group, help: str, detail: str = "") -> Option:
    return Option(name, group, help, read_duration, _show_number, "TIME", name.replace("-", "_"), detail=detail)


def _count(name: str, group: Group, help: str, detail: str = "") -> Option:
    return Option(name, group, help, read_count, metavar="N", field=name.replace("-", "_"), detail=detail)


OPTIONS: tuple[Option, ...] = (
    Option(
        "output", Group.START, "the crawl directory (default: crawls/ and the name of the seeds file)",
        metavar="DIR", field="output",
        detail="If a crawl is there already, it is resumed: the same command line again goes on where it stopped. "
        "Changed options and added seeds apply from then on. With `--output DIR` and no seeds, the seeds and options "
        "of `DIR/crawl.toml` are used. Without this option: `crawls/NAME` for `NAME.txt` or `--config NAME.toml`, "
        "`crawls/HOST` for a URL, `crawls/stdin` for `-`, `crawls/demo` for `--demo`.",
    ),
    Option(
        "fresh", Group.START, "begin a new crawl in DIR-2 (DIR-3, ...) beside one that exists",
        detail="The old archive is not touched; how to resume it is printed.",
    ),
    Option(
        "demo", Group.START, "crawl the bundled demonstration site, without any network", read_flag, field="demo",
        detail="The site is served by the crawler itself on a free loopback port, under the reserved name "
        "`http://demo.test/`. A seed of that name does the same.",
    ),
    Option(
        "config", Group.START, "read options from a file like crawl.toml; the command line wins", metavar="FILE",
        detail="The format is at the end of this page.",
    ),
    Option(
        "scope", Group.SCOPE, "how far from a seed to follow links", lambda raw: ScopeKind(_choice(raw, ScopeKind)),
        str, "|".join(ScopeKind), "scope",
        detail="`page`: the seed alone. `prefix`: what begins like the seed up to its last slash. `host`: the seed's "
        "host. `domain`: its registrable domain with all subdomains. `any`: everywhere. Images, style sheets and "
        "other requisites of a page are fetched from any host, up to two hops beyond the scope. What a seed "
        "redirects to belongs to the seed's scope.",
    ),
    Option(
        "include", Group.SCOPE, "fetch URLs that match, even beyond the scope (repeatable)", metavar="REGEX",
        field="include", repeat=True,
        detail="A Python regular expression, searched for anywhere in the URL. It widens the scope, and only for links "
        "on pages that are fetched; `--max-depth` still holds. To fetch nothing but what matches, give `--scope page` "
        "too.",
    ),
    Option(
        "exclude", Group.SCOPE, "do not fetch URLs that match (repeatable)", metavar="REGEX", field="exclude",
        repeat=True,
        detail="A regular expression like that of `--include`, and stronger; requisites are not fetched either. "
        "Seeds are.",
    ),
    Option(
        "ignore-set", Group.SCOPE, "do not fetch what this ready-made set of patterns matches (repeatable)",
        metavar="NAME,...", field="ignore_sets", repeat=True,
        detail=f"Of {', '.join(SETS)}. They hold other views of the same content, actions and counters, as such sites "
        "have them; what `--include` matches is fetched all the same. One's own patterns go into the file `ignores` in "
        "the crawl directory, which is read again while the crawl runs. See [Scope](scope.md#ignore-patterns).",
    ),
    Option(
        "seed-option", Group.SCOPE, "options for one seed (repeatable)", metavar="'URL NAME=VALUE ...'",
        field="seed_options", repeat=True,
        detail="The same may stand behind a URL in the seeds file: `https://a.example/docs/ scope=prefix depth=3`. "
        "There are scope, depth, offsite-links, include, exclude, delay, per-host and max-pages. A URL that is "
        "no seed is refused. See "
        "[Scope](scope.md#options-of-single-seeds).",
    ),
    Option(
        "accept-type", Group.SCOPE, "keep these media types and web pages only (repeatable)", metavar="TYPE,...",
        field="accept_types", repeat=True,
        detail="Such as `application/pdf,image/*`. Where the extension does not tell it, the fetch ends at the head of "
        "an answer of another type, and the URL is excluded. See [Scope](scope.md#media-types).",
    ),
    Option(
        "reject-type", Group.SCOPE, "do not keep these media types (repeatable)", metavar="TYPE,...",
        field="reject_types", repeat=True, detail="Such as `video/*`. It wins over `--accept-type`.",
    ),
    _count("max-depth", Group.SCOPE, "follow at most this many links from a seed",
           "0 fetches the seeds and what their pages need to be shown. Redirects and requisites count none."),
    _count("offsite-links", Group.SCOPE, "follow this many links in a row beyond the scope",
           "With 1, the pages of other sites that the pages in scope link to are fetched, with their requisites; with "
           "2, those that these link to, and so on. See [Scope](scope.md)."),
    Option(
        "traps", Group.SCOPE, "leave out what looks like a site without end (the default), or do not", read_flag,
        field="traps", negative=True,
        detail="Repeated path segments, URLs of great length, calendars that go on for ever, and pages that are nearly "
        "the same again and again. What `--include` matches is fetched all the same. See [Scope](scope.md#traps).",
    ),
    Option(
        "robots", Group.SCOPE, "obey robots.txt (the default), or do not", read_flag, field="robots", negative=True,
        detail="RFC 9309. With `--no-robots` it is not asked for, and neither its rules nor its Crawl-delay apply; the "
        "log and the warcinfo record say so. That is for sites of your own and for those whose owners agreed.",
    ),
    Option(
        "respect-nofollow", Group.SCOPE, "do not follow links marked nofollow", read_flag, field="respect_nofollow",
        detail="Those of a page whose robots meta element or X-Robots-Tag header says `nofollow` or `none`, to all or "
        "to this crawler's name, and single links with `rel=nofollow`. What pages need to be shown is fetched all the "
        "same. `noindex` and `noarchive` are not looked at: they speak to search engines about their results.",
    ),
    Option(
        "guesses", Group.SCOPE, "try what looks like a URL in scripts, after all else", read_flag, field="guesses",
        detail="Scripts are not run; strings in them that look like addresses are asked for once all links are. It "
        "finds pages that only scripts lead to, and asks for some that never were: on a host where more than 80 % of "
        "the first 20 guesses or more are missing, it ends by itself.",
    ),
    Option(
        "strip-query", Group.SCOPE, "leave these query parameters out of URLs (repeatable)", metavar="PATTERN",
        field="strip_query", repeat=True,
        detail="The name of a parameter, or a pattern of names as a shell writes them: `PHPSESSID`, `utm_*`. It is "
        "taken out of seeds, links and redirects before they are judged, queued and asked for. By default every "
        "spelling of a query is a URL of its own, since nobody but the server knows which parameters count. See "
        "[URLs](urls.md).",
    ),
    Option(
        "sitemaps", Group.SCOPE, "follow the sites' sitemaps (the default), or do not", read_flag, field="sitemaps",
        negative=True,
        detail="Those that a seed's robots.txt names, and `/sitemap.xml` of each seed's host. What they list is judged "
        "like links on the seed. See [Robots and sitemaps](how-to/robots-and-sitemaps.md).",
    ),
    Option(
        "pdf", Group.SCOPE, "follow the links in PDFs (the default), or do not", read_flag, field="pdf", negative=True,
        detail="PDFs are read in a process of their own, which is started when the first one comes, may use 1 GiB of "
        "memory, and is ended when one takes it more than 20 s. See [links](links.md).",
    ),
    Option(
        "allow-private", Group.SCOPE, "follow links into private networks, too", read_flag, field="allow_private",
        detail="Otherwise a page cannot send the crawler to a loopback, private, link-local or other address that is "
        "not public, by whatever link, redirect, name or spelling: such a URL is excluded, and no byte is sent. A "
        "seed's own host and port is allowed where the seed itself lives at such an address.",
    ),
    _count("max-pages", Group.LIMITS, "stop after this many pages",
           "Pages are what links and seeds lead to; requisites, redirects and failures are not counted. The queue is "
           "kept: the same command with a larger number goes on."),
    _count("host-pages", Group.LIMITS, "ask one host for no more pages than this",
           "Counted as `--max-pages` counts, per host name, over restarts too; what pages need to be shown is fetched. "
           "What is queued beyond it is excluded."),
    _size("max-bytes", Group.LIMITS, "stop after receiving this much"),
    _time("max-time", Group.LIMITS, "stop after this time",
          "It counts one run; the other limits count the whole round. Requests in flight then get the time of "
          "`--grace`."),
    _size("max-body", Group.LIMITS, "cut a longer response off here",
          "What was received is kept and marked `WARC-Truncated: length`, its links are followed, and the outcome is "
          "`failed`: it is no whole answer."),
    _size("min-free-disk", Group.LIMITS, "pause while the disk has less room than this",
          "The crawl says so and goes on by itself when there is room again."),
    Option(
        "disk-wait", Group.LIMITS, "stop, resumably, when the disk stays full for this long", read_duration,
        _show_number, "TIME", "disk_wait", detail="For a crawl that nobody watches; exit code 3.",
        without="wait for ever",
    ),
    _count("concurrency", Group.PACE, "requests in flight, in all"),
    _count("per-host", Group.PACE, "requests in flight to one host"),
    Option(
        "per-ip", Group.PACE, "requests in flight to all hosts of one address", read_count, metavar="N",
        field="per_ip", without="as --per-host",
        detail="Hosts that turn out to be at one IP address share these slots and the time of `--delay` between "
        "requests: to the machine they are one. 0 lets each host count for itself, as suits the addresses of large "
        "content networks. Through a proxy no address is known, and nothing is shared. See "
        "[Politeness](how-to/politeness.md).",
    ),
    Option(
        "delay", Group.PACE, "time between two requests to one host", read_delay, _show_number, "TIME|auto", "delay",
        without="auto",
        detail="`auto` follows the host: it waits longer the slower the host answers, and backs off when the host "
        "says 429 or 503. A Crawl-delay of robots.txt and a Retry-After are honoured in either case.",
    ),
    _size("limit-rate", Group.PACE, "receive at most this much a second, in all",
          "Over all connections: 500K, 2M. Servers are made to wait by not reading; a response that takes longer for "
          "it may need a longer `--max-fetch-time`."),
    _time("timeout", Group.PACE, "longest silence of a server", "To connect, and between two reads."),
    _time("max-fetch-time", Group.PACE, "longest time for one response",
          "What was received is kept and marked `WARC-Truncated: time`, and the outcome is `failed`."),
    _count("retries", Group.PACE, "further attempts after a failure",
           "For lost connections, timeouts, and the answers 408, 425, 429, 500, 502, 503 and 504. They wait in the "
           "queue, longer each time, and hold nothing else up."),
    _count("probes", Group.PACE, "times a silent host is asked again before it is given up",
           "After four attempts in a row without any answer nothing is asked of a host but one URL at a time, first "
           "after 10 seconds, then after twice as long each time. When that many are unanswered, all its URLs fail. A "
           "host that never answered at all is asked once more. `--retry-failed` begins anew."),
    Option(
        "user-agent", Group.IDENTITY, "the User-Agent header", metavar="TEXT", field="user_agent",
        without="annals and its version",
        detail="What stands before its first slash is the name that robots.txt is asked for.",
    ),
    Option(
        "contact", Group.IDENTITY, "your e-mail or web address, told to every server", metavar="ADDRESS",
        field="contact", without="none",
        detail="It stands behind the name in the User-Agent header, that of `--user-agent` too unless it holds the "
        "address. Somebody whose server you trouble can then write to you instead of blocking you: please give one for "
        "all but the smallest crawls.",
    ),
    Option(
        "header", Group.IDENTITY, "a further request header (repeatable)", read_header, _show_header, "'NAME: VALUE'",
        "headers", repeat=True,
        detail="Sent to every host, archived with each request and kept in crawl.toml, so no place for a secret; but "
        "`Authorization` and `Cookie` are sent to the seeds' own schemes, hosts and ports only, and masked (see "
        "`--redact`).",
    ),
    Option(
        "cookies", Group.IDENTITY, "begin with the cookies of this cookies.txt", metavar="FILE", field="cookies",
        show=str, without="",
        detail="The format of Netscape, as browser extensions, curl and wget write it. Cookies are kept as browsers "
        "keep them: those that servers set are sent back to them for as long as the crawl lasts, over restarts too, "
        "and never to another host. The file is read again when it has changed.",
    ),
    Option(
        "auth", Group.IDENTITY, "user and password for one host (repeatable)", read_login, _show_login,
        "HOST=USER:PASSWORD", "auth", repeat=True,
        detail="Sent with each request to this host, in the Basic scheme, and to nobody else, whatever redirects there "
        "are. A host alone means https and its default port; write `http://HOST:PORT=USER:PASSWORD` for another. Kept "
        "in crawl.toml, which only its owner may read.",
    ),
    Option(
        "redact", Group.IDENTITY, "mask your own credentials in the archive (the default), or do not", read_flag,
        field="redact", negative=True,
        detail="The values of `Authorization`, `Cookie` and `Proxy-Authorization` in request records become `REDACTED` "
        "where they hold what you gave, and the metadata record says so (`redacted: authorization`). What a server "
        "answers is never altered, and a cookie that it sets stands in its response.",
    ),
    Option(
        "proxy", Group.IDENTITY, "ask through a proxy", metavar="URL", field="proxy", without="none",
        detail="`http://HOST:PORT` or `socks5://HOST:PORT`, with `USER:PASSWORD@` before the host if it asks for them. "
        "The proxy resolves names; so whether an address is public cannot be checked, and only URLs that "
        "name a private address themselves are refused. Records have no `WARC-IP-Address` then.",
    ),
    Option(
        "ca-file", Group.IDENTITY, "trust these certificate authorities, too", metavar="FILE", field="ca_file",
        show=str, without="", detail="In PEM form.",
    ),
    Option(
        "insecure", Group.IDENTITY, "do not verify certificates", read_flag, field="insecure",
        detail="Recorded: in each warcinfo record, and in the metadata record of each exchange over TLS.",
    ),
    Option(
        "client-cert", Group.IDENTITY, "show this certificate to the seeds' own hosts", metavar="FILE", show=str,
        field="client_cert", without="", detail="In PEM form, with its key or with `--client-key`.",
    ),
    Option(
        "client-key", Group.IDENTITY, "the key of --client-cert", metavar="FILE", field="client_key", show=str,
        without="", detail="In PEM form, not encrypted.",
    ),
    Option(
        "ipv4-only", Group.IDENTITY, "connect to IPv4 addresses only", read_flag, field="ipv4_only", short="4",
    ),
    Option(
        "ipv6-only", Group.IDENTITY, "connect to IPv6 addresses only", read_flag, field="ipv6_only", short="6",
    ),
    Option(
        "bind-address", Group.IDENTITY, "connect from this address of the machine", metavar="ADDRESS",
        field="bind_address", without="", detail="Only addresses of its family are connected to.",
    ),
    _size("segment-size", Group.ARCHIVE, "begin a new WARC file at this size"),
    Option(
        "prefix", Group.ARCHIVE, "first part of the names of WARC files", metavar="NAME", field="prefix",
    ),
    Option(
        "digest", Group.ARCHIVE, "digest algorithm", lambda raw: _choice(raw, DIGESTS), metavar="|".join(DIGESTS),
        field="digest",
        detail="`sha256` is written in hexadecimal, `sha1` in base32 as older tools expect it. One archive has one "
        "algorithm; it cannot be changed on resuming.",
    ),
    _count("compression-level", Group.ARCHIVE, "gzip level, 0 to 9"),
    Option(
        "dedupe", Group.ARCHIVE, "keep identical payloads once (the default), or each time", read_flag, field="dedupe",
        negative=True,
        detail="A whole answer of 512 bytes or more whose payload is in the archive already is written as a `revisit` "
        "record: with the answer's head, and a reference to the record that has the payload. Replay tools follow it.",
    ),
    Option(
        "dedupe-from", Group.ARCHIVE, "do not keep again what another archive has (repeatable)", show=str,
        metavar="DIR|FILE.cdxj", field="dedupe_from", repeat=True,
        detail="Another crawl's directory, or a CDXJ index. A payload that it holds becomes a `revisit` record that "
        "refers to it, so the two archives belong together from then on: replay needs both. Its digests must be of "
        "the same algorithm (`--digest`). The indexes are read once, into `DIR/dedupe.db`, and again when they have "
        "changed.",
    ),
    _time("grace", Group.RUN, "time for requests in flight after Ctrl-C",
          "At the second Ctrl-C they are given up at once. What was received is written in either case."),
    Option(
        "recrawl", Group.RUN, "visit a finished crawl again, for what has changed since", read_flag, field="recrawl",
        detail="Begins the next round in the same directory: all seeds are queued again, pages are asked for only if "
        "they have changed, and limits count anew. A round that is not finished goes on instead. See "
        "[Visit a site again](how-to/recrawl.md).",
    ),
    Option(
        "retry-failed", Group.RUN, "queue the URLs again that failed", read_flag, field="retry_failed",
    ),
    Option(
        "from-archive", Group.RUN, "answer from this archive instead of the network", metavar="DIR", show=str,
        field="from_archive", without="",
        detail="A crawl directory, a WARC file or a WACZ: the crawl is run again offline, with the same bytes, into"
        " `--output`. The n-th request for a URL gets the n-th capture; a URL that is not there fails.",
    ),
    Option("quiet", Group.RUN, "print nothing but errors"),
    Option("verbose", Group.RUN, "print a line for each URL, and tracebacks of errors"),
    Option("version", Group.RUN, "print the version and exit"),
)  # fmt: skip

BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}
BY_FIELD: Mapping[str, Option] = {option.field: option for option in OPTIONS if option.field}


def _choice(raw: object, choices: Any) -> str:
    text = read_text(raw)
    if text not in set(choices):
        raise ValueError(f"{text!r} is not one of {', '.join(choices)}")
    return text
