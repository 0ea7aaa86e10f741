"""What other tools ask an archive for: a CDX server as pywb and the Wayback Machine have it, and Memento (RFC 7089)."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from aiohttp import web
from msgspec import Struct

from storage.replay.address import normalised, replay_path
from storage.replay.hosts import other_origin
from storage.replay.matching import MatchType, key_range
from storage.replay.memento import accepted, gate_links, timemap
from storage.replay.queries import Catalogue, Entry
from storage.replay.selection import choose
from storage.threads import in_thread

FIELDS = ("urlkey", "timestamp", "url", "mime", "status", "digest", "length", "offset", "filename")
_ALIASES = {"original": "url", "mimetype": "mime", "statuscode": "status"}
_CLASSIC = ("urlkey", "timestamp", "url", "mime", "status", "digest", "length")
_BATCH = 1000
_MOST = 100_000
_FILTER = re.compile(r"(!?)([=~]?)([a-z]+):(.*)", re.DOTALL)


class CdxQuery(Struct, frozen=True):
    """What is asked of the CDX server."""

    low: str
    high: str
    since: int
    until: int
    limit: int
    output: str
    fields: tuple[str, ...]
    filters: tuple[str, ...]


@dataclass
class Endpoints:
    """The routes; the same on both origins."""

    catalogue: Catalogue
    replay_port: int | None = None
    """Where captures are replayed; None on that origin itself."""

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/cdx", self._cdx)
        app.router.add_get("/timemap/link/{url:.+}", self._timemap)
        app.router.add_get("/timegate/{url:.+}", self._timegate)

    async def _cdx(self, request: web.Request) -> web.StreamResponse:
        query = read_query(request.query, request.query.getall("filter", []))
        type_ = {"json": "application/x-ndjson", "cdxj": "text/x-cdxj"}.get(query.output, "text/plain")
        response = web.StreamResponse(headers={"Content-Type": f"{type_}; charset=utf-8"})
        await response.prepare(request)
        async for lines in self._lines(query):
            await response.write("".join(lines).encode("utf-8", "replace"))
        await response.write_eof()
        return response

    async def _lines(self, query: CdxQuery) -> AsyncIterator[list[str]]:
        after, left = ("", 0, 0), query.limit
        while left > 0:
            entries = await in_thread(
                None, lambda after=after: self.catalogue.captures(  # type: ignore[misc]
                    query.low, query.high, since=query.since, until=query.until, after=after, limit=_BATCH
                )
            )  # fmt: skip
            values = [value for entry in entries if _passes(value := cdx_values(entry), query.filters)][:left]
            left -= len(values)
            yield [_line(value, query) for value in values]
            if len(entries) < _BATCH:
                return
            after = (entries[-1].key, int(entries[-1].timestamp), entries[-1].id)

    async def _timemap(self, request: web.Request) -> web.Response:
        url = _tail(request, "/timemap/link/")
        entries = await in_thread(None, self.catalogue.captures, *key_range(url, MatchType.EXACT))
        if not entries:
            raise web.HTTPNotFound(text=f"404: not in the archive: {url}\n")
        text = timemap(self._base(request), url, entries)
        return web.Response(text=text, content_type="application/link-format")

    async def _timegate(self, request: web.Request) -> web.Response:
        url = _tail(request, "/timegate/")
        try:
            moment = accepted(request.headers.get("Accept-Datetime"))
        except ValueError:
            raise web.HTTPBadRequest(text="400: Accept-Datetime is no date\n") from None
        entries = await in_thread(None, self.catalogue.captures, *key_range(url, MatchType.EXACT))
        if not entries:
            raise web.HTTPNotFound(text=f"404: not in the archive: {url}\n", headers={"Vary": "accept-datetime"})
        chosen = choose(entries, moment)[0]
        headers = {
            "Vary": "accept-datetime",
            "Link": gate_links(self._base(request), url, chosen, entries[0], entries[-1]),
            "Location": f"{self._base(request)}{replay_path(normalised(chosen.url), chosen.timestamp)}",
        }
        return web.Response(status=302, headers=headers)

    def _base(self, request: web.Request) -> str:
        """The origin of captures, as this client reaches it."""
        return f"http://{request.host}" if self.replay_port is None else other_origin(request.host, self.replay_port)


def read_query(given: Mapping[str, str], filters: Iterable[str]) -> CdxQuery:
    """The parameters of a CDX request. Raises HTTPBadRequest with a sentence."""
    url = given.get("url", "")
    if not url:
        _refuse("url is missing, as in /cdx?url=example.com/&matchType=prefix")
    try:
        match = MatchType(given.get("matchType", "exact"))
    except ValueError:
        _refuse("matchType is one of exact, prefix, host, domain")
    output = given.get("output", "cdxj")
    if output not in ("json", "cdxj", "text"):
        _refuse("output is one of json, cdxj, text")
    limit = given.get("limit", str(_MOST))
    if not (limit.isdecimal() and limit.isascii() and len(limit) < 10):
        _refuse("limit is a number")
    names = given.get("fl", given.get("fields", ""))
    fields = tuple(_ALIASES.get(name, name) for name in names.split(",") if name) or (
        _CLASSIC if output == "text" else FIELDS
    )
    if not set(fields) <= set(FIELDS):
        _refuse(f"fl names fields of {', '.join(FIELDS)}")
    checked = tuple(filters)
    for each in checked:
        _check_filter(each)
    low, high = key_range(url, match)
    since, until = _bound(given.get("from", ""), "0"), _bound(given.get("to", ""), "9")
    return CdxQuery(low, high, since, until, int(limit), output, fields, checked)


def cdx_values(entry: Entry) -> dict[str, str]:
    """A capture as CDX servers tell it; `-` for what is not known."""
    return {
        "urlkey": entry.key,
        "timestamp": entry.timestamp,
        "url": entry.url,
        "mime": "warc/revisit" if entry.record == "revisit" else entry.mime or "unk",
        "status": "-" if entry.status is None else str(entry.status),
        "digest": entry.digest or "-",
        "length": "-" if entry.length is None else str(entry.length),
        "offset": str(entry.offset),
        "filename": entry.segment,
    }


def _line(values: dict[str, str], query: CdxQuery) -> str:
    shown = {name: values[name] for name in query.fields}
    if query.output == "json":
        return json.dumps(shown) + "\n"
    if query.output == "text":
        return " ".join(value.replace(" ", "%20") for value in shown.values()) + "\n"
    inner = {name: value for name, value in shown.items() if name not in ("urlkey", "timestamp") and value != "-"}
    return f"{values['urlkey']} {values['timestamp']} {json.dumps(inner)}\n"


def _passes(values: dict[str, str], filters: tuple[str, ...]) -> bool:
    for each in filters:
        found = _FILTER.fullmatch(each)
        assert found is not None, "checked when it was read"
        value = values[_ALIASES.get(found[3], found[3])]
        fits = value == found[4] if found[2] == "=" else found[4] in value
        if fits == bool(found[1]):
            return False
    return True


def _check_filter(text: str) -> None:
    """pywb's forms, without regular expressions, which a stranger could make expensive: `=` is, none is `holds`."""
    found = _FILTER.fullmatch(text)
    if found is None or _ALIASES.get(found[3], found[3]) not in FIELDS or found[2] == "~":
        _refuse("filter has the form [!][=]field:value, as in filter==status:200")


def _bound(text: str, digit: str) -> int:
    if text and not (text.isascii() and text.isdecimal() and len(text) <= 14):
        _refuse("from and to are timestamps of up to 14 digits")
    return int(text.ljust(14, digit)) if text else int(digit * 14)


def _refuse(text: str) -> NoReturn:
    raise web.HTTPBadRequest(text=f"400: {text}\n")


def _tail(request: web.Request, prefix: str) -> str:
    """The URL in the path, as it was sent."""
    return normalised(request.raw_path.removeprefix(prefix))
