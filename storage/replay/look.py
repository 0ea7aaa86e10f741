"""The application: lists, search, timelines and details of an archive, on an origin of its own.

No archived byte reaches its pages but as text: templates escape everything, a policy forbids whatever is not this
program's own file, and what is downloaded is never shown by the browser.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import hdrs, web

import storage.replay.show as show
from storage.replay.address import ReplayAddress, moment_of, normalised, parse_path
from storage.replay.catalogue import Kind
from storage.replay.cataloguer import Progress
from storage.replay.details import details_of
from storage.replay.holdings import Holdings
from storage.replay.hosts import other_origin
from storage.replay.matching import MatchType, key_range
from storage.replay.selection import choose
from storage.threads import in_thread

PAGE = 100
"""Rows of a list."""
STATIC = {"app.css": "text/css", "app.js": "text/javascript", "mark.svg": "image/svg+xml"}
KINDS = {kind.name.lower(): kind for kind in Kind}
_GROUPS = {"2": 2, "3": 3, "4": 4, "5": 5, "0": 0}
_SNIPPET = 180


@dataclass
class Looking:
    """The application's routes."""

    holdings: Holdings
    progress: Progress
    title: str
    replay_port: int
    package: Path | None
    """A WACZ to offer whole."""

    def __post_init__(self) -> None:
        static = files("storage.replay") / "static"
        self._static = {name: (static / name).read_bytes() for name in STATIC}
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("storage.replay", "templates"),
            autoescape=True,  # for every template, whatever its name
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(
            size=show.size, number=show.number, day=show.day, iso=show.iso, visible=show.visible,
            component=show.component, status_word=show.status_word, in_path=show.in_path, name=show.name,
        )  # fmt: skip

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/", self._pages)
        app.router.add_get("/url", self._timeline)
        app.router.add_get("/view/{tail:.+}", self._view)
        app.router.add_get("/replay/{tail:.+}", self._to_replay)
        app.router.add_get("/capture/{segment}/{place}", self._capture)
        app.router.add_get("/record/{segment}/{place}", self._record)
        app.router.add_get("/missing", self._missing)
        app.router.add_get("/archive.wacz", self._package)
        for name in STATIC:
            app.router.add_get(f"/static/{name}", self._file)

    # -- lists -----------------------------------------------------------------------------------------------------

    async def _pages(self, request: web.Request) -> web.Response:
        query = request.query
        words = query.get("q", "").strip()
        if words and not _is_address(words):
            return await self._found(request, words)
        name = query.get("kind", "all" if words else "page")
        group = _GROUPS.get(query.get("status", ""))
        within = key_range(words, MatchType.PREFIX) if words else None
        entries = await self._ask(
            lambda: self.holdings.catalogue.pages(
                kind=KINDS.get(name), group=group, within=within, after=query.get("after", ""), limit=PAGE + 1
            )
        )
        return await self._render(
            request,
            "pages.html",
            entries=entries[:PAGE],
            after=entries[PAGE - 1].key if len(entries) > PAGE else None,
            kind=name,
            group=query.get("status", ""),
            words=words,
            kinds=KINDS,
            tallies=await self._ask(self.holdings.catalogue.tallies),
            span=await self._ask(self.holdings.catalogue.span),
            is_first="after" not in query,
        )

    async def _found(self, request: web.Request, words: str) -> web.Response:
        given = request.query.get("skip", "0")
        skip = min(int(given), 10_000) if given.isascii() and given.isdecimal() and len(given) < 9 else 0
        entries = await self._ask(lambda: self.holdings.catalogue.search(words, skip=skip, limit=PAGE + 1))
        more = skip + PAGE if len(entries) > PAGE else None
        return await self._render(request, "found.html", entries=entries[:PAGE], words=words, skip=skip, more=more)

    async def _missing(self, request: web.Request) -> web.Response:
        after = request.query.get("after", "")
        catalogue = self.holdings.catalogue
        wanted = await self._ask(lambda: catalogue.missing(after=after, limit=PAGE + 1))
        return await self._render(
            request,
            "missing.html",
            wanted=wanted[:PAGE],
            after=wanted[PAGE - 1].key if len(wanted) > PAGE else None,
            total=await self._ask(catalogue.missing_count),
            failures=[] if after else await self._ask(catalogue.failures),
        )

    async def _timeline(self, request: web.Request) -> web.Response:
        url = normalised(request.query.get("url", ""))
        low, high = key_range(url, MatchType.EXACT)
        entries = await self._ask(lambda: self.holdings.catalogue.captures(low, high))
        if not entries:
            raise web.HTTPNotFound
        return await self._render(request, "timeline.html", url=url, entries=entries, chart=show.chart(entries))

    # -- captures --------------------------------------------------------------------------------------------------

    async def _view(self, request: web.Request) -> web.Response:
        address = parse_path("/replay/" + request.raw_path.removeprefix("/view/"))
        if address is None:
            raise web.HTTPNotFound
        moment = moment_of(address.timestamp)
        around = int(address.timestamp.ljust(14, "0")) if moment else 99991231235959
        near = await self._ask(lambda: self.holdings.catalogue.near(address.url, around))
        if not near:
            raise web.HTTPNotFound
        entry = choose(near, moment)[0]
        place = near.index(entry)
        path = ReplayAddress(address.url, entry.timestamp).path
        frame = f"{self._replay_origin(request)}/-/frame?to={show.component(path)}"
        return await self._render(
            request,
            "view.html",
            entry=entry,
            url=address.url,
            frame=frame,
            earlier=near[place - 1] if place else None,
            later=near[place + 1] if place + 1 < len(near) else None,
            count=len(near),
            replay_origin=self._replay_origin(request),
        )

    async def _to_replay(self, request: web.Request) -> web.Response:
        """A replay address on this origin: a reader gets the page around it, a program the capture."""
        if request.headers.get("Sec-Fetch-Dest", "") == "document" or "text/html" in request.headers.get("Accept", ""):
            location = "/view/" + request.raw_path.removeprefix("/replay/")
        else:
            location = self._replay_origin(request) + request.raw_path
        return web.Response(status=307, headers={hdrs.LOCATION: location})

    async def _capture(self, request: web.Request) -> web.Response:
        entry = await self._entry(request)
        details = await self._ask(lambda: details_of(self.holdings, entry))
        return await self._render(
            request, "capture.html", details=details, entry=entry, origin=self._replay_origin(request),
        )  # fmt: skip

    async def _record(self, request: web.Request) -> web.StreamResponse:
        """The record's block as it lies in the file, to keep and not to show."""
        entry = await self._entry(request)
        held = await self._ask(lambda: self.holdings.open(entry))
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f'attachment; filename="{entry.offset}.http"',
            "Content-Length": str(held.capture.record.size),
        }
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        pieces = held.capture.record.chunks()
        while piece := await in_thread(None, next, pieces, b""):
            await response.write(piece)
        await response.write_eof()
        return response

    async def _package(self, request: web.Request) -> web.StreamResponse:
        if self.package is None:
            raise web.HTTPNotFound
        disposition = f'attachment; filename="{show.component(self.package.name)}"'
        headers = {"Content-Disposition": disposition, "Content-Type": "application/wacz"}
        return web.FileResponse(self.package, headers=headers)

    async def _file(self, request: web.Request) -> web.Response:
        name = request.path.rpartition("/")[2]
        return web.Response(body=self._static[name], content_type=STATIC[name], headers={"Cache-Control": "no-cache"})

    # -- what they share -------------------------------------------------------------------------------------------

    async def _entry(self, request: web.Request) -> Any:
        offset, _, skip = request.match_info["place"].partition("+")
        if not (offset.isascii() and offset.isdecimal() and (skip or "0").isdecimal() and len(offset + skip) < 19):
            raise web.HTTPNotFound
        segment = request.match_info["segment"]
        entry = await self._ask(lambda: self.holdings.catalogue.at(segment, int(offset), int(skip or 0)))
        if entry is None:
            raise web.HTTPNotFound
        return entry

    async def _ask(self, question: Callable[[], Any]) -> Any:
        return await in_thread(None, question)

    def _replay_origin(self, request: web.Request) -> str:
        return other_origin(request.host, self.replay_port)

    async def _render(self, request: web.Request, template: str, code: int = 200, **values: Any) -> web.Response:
        common = {"archive": self.title, "progress": self.progress, "package": self.package, "here": request.path}
        values = common | {"words": ""} | values
        text = await in_thread(None, lambda: self._templates.get_template(template).render(values))
        return web.Response(text=text, status=code, content_type="text/html", charset="utf-8")

    async def error(self, request: web.Request, status: int, text: str) -> web.Response:
        """A page that says what is wrong."""
        return await self._render(request, "error.html", status, status=status, text=text)


def _is_address(words: str) -> bool:
    """A word with a dot or a slash and no space is taken for an address."""
    return " " not in words and ("://" in words or "/" in words or ("." in words.strip(".") and len(words) > 3))
