"""The replay's own origin: archived captures, rewritten, under a policy that lets nothing out.

It serves nothing but the archive and three small scripts, and holds nothing that a page could steal but the archive
itself. A page of the archive runs in the application's frame only: asked for by itself, a browser is sent there, for a
document outside a frame could lead itself, and what it knows, to the live web.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from importlib.resources import files

import ada_url
from aiohttp import web

from storage.errors import ArchiveError
from storage.replay.address import PREFIX, Links, ReplayAddress, normalised, parse_path
from storage.replay.bodies import Bodies, Body
from storage.replay.elements import refresh
from storage.replay.headers import clean, guards, passed, policy
from storage.replay.holdings import Held, Holdings
from storage.replay.hosts import other_origin
from storage.replay.memento import capture_links, http_date
from storage.replay.ranges import byte_range
from storage.replay.rewrite import LIMIT, Kind, Source, kind_of, rewrite
from storage.threads import in_thread

SCRIPTS = ("client.js", "worker.js", "frame.js")
_PIECE = 256 << 10
_REDIRECTS = (301, 302, 303, 307, 308)
_BODILESS = (204, 205, 304)
_FRAMES = frozenset(("iframe", "frame", "object", "embed"))
_FRAME = """<!doctype html><html lang="en" data-to="{to}"><meta charset="utf-8"><title>Replay</title>
<noscript><meta http-equiv="refresh" content="0; url={to}"></noscript>
<script src="/-/frame.js" defer></script></html>"""
_MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Not in the archive</title><style>:root{{color-scheme:light dark}}body{{font:1rem/1.5 system-ui,sans-serif;
max-width:40rem;margin:18vh auto;padding:0 1.5rem}}h1{{font-size:1.4rem}}code{{overflow-wrap:anywhere}}</style>
<h1>{title}</h1><p><code>{url}</code></p><p>{text}</p></html>"""


@dataclass
class ReplayOrigin:
    """The replay's web application."""

    holdings: Holdings
    app_port: int

    def __post_init__(self) -> None:
        self._bodies = Bodies()
        static = files("storage.replay") / "static"
        self._scripts = {name: (static / name).read_text("utf-8") for name in SCRIPTS}

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/replay/{tail:.*}", self._replay)
        for name in SCRIPTS:
            app.router.add_get(f"/-/{name}", self._script)
        app.router.add_get("/-/frame", self._frame)
        app.router.add_route("*", "/{tail:.*}", self._elsewhere)

    def _guards(self, request: web.Request, *, scripts: bool = True) -> dict[str, str]:
        names = {other_origin(request.host, self.app_port), f"http://127.0.0.1:{self.app_port}"}
        return guards(policy(sorted(names | {f"http://localhost:{self.app_port}"}), scripts=scripts))

    # -- the replay's own ------------------------------------------------------------------------------------------

    async def _script(self, request: web.Request) -> web.Response:
        name = request.path.rpartition("/")[2]
        headers = self._guards(request) | {"Content-Security-Policy": "default-src 'self'"}
        if name == "worker.js":
            headers["Service-Worker-Allowed"] = "/"
        return web.Response(text=self._scripts[name], content_type="text/javascript", headers=headers)

    async def _frame(self, request: web.Request) -> web.Response:
        """Where the application's frame begins: readies the service worker, then goes to the page."""
        to = request.query.get("to", "")
        if not to.startswith(PREFIX):
            return web.Response(status=400, text="400: not an address of this replay\n", headers=self._guards(request))
        text = _FRAME.format(to=html.escape(to))
        return web.Response(text=text, content_type="text/html", headers=self._guards(request))

    async def _elsewhere(self, request: web.Request) -> web.Response:
        """An address from the root that no service worker saw: the page that asked tells which host it means."""
        asking = _path_of(request.headers.get("Referer", ""))
        page = None if asking is None else parse_path(asking)
        if page is None:
            return self._missing(request, request.raw_path, "Nothing here: only archived pages are.")
        try:
            url = ada_url.URL(request.raw_path, page.url).href
        except ValueError:
            return self._missing(request, request.raw_path, "This is no address.")
        location = ReplayAddress(url, page.timestamp).path
        return web.Response(status=307, headers=self._guards(request) | {"Location": location})

    # -- captures --------------------------------------------------------------------------------------------------

    async def _replay(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Service-Worker") == "script":  # an archived one must not stand above the replay
            return web.Response(
                status=403, text="403: archived service workers do not run\n", headers=self._guards(request)
            )
        address = parse_path(request.raw_path)
        if address is None:
            return self._missing(request, request.raw_path, "This is no address of a capture.")
        if request.headers.get("Sec-Fetch-Dest") == "document" and not address.raw:
            app = other_origin(request.host, self.app_port)
            return web.Response(status=303, headers={"Location": f"{app}/view/{address.path.removeprefix(PREFIX)}"})
        try:
            held = await in_thread(None, self._find, address)
        except ArchiveError as error:
            return self._missing(request, address.url, f"It is there, but cannot be read: {error}", status=502)
        if held is None:
            return self._missing(
                request, address.url, "This address was not captured. Nothing is asked of the live web."
            )
        return await self._answer(request, address, held)

    def _find(self, address: ReplayAddress) -> Held | None:
        held = self.holdings.find(address)
        if held is not None:
            held.capture.load()
        return held

    async def _answer(self, request: web.Request, address: ReplayAddress, held: Held) -> web.StreamResponse:
        destination = request.headers.get("Sec-Fetch-Dest", "")
        headers = self._headers(request, address, held, scripts=bool(destination) and not address.raw)
        links = Links(address.url, _moment(address, held))
        status = held.status
        location = held.capture.headers.get("Location", "")
        if status in _REDIRECTS and location and not address.raw:
            target = links.absolute(location)
            if target is None:
                return self._missing(request, location, "The page redirects to this, which is no address of the web.")
            headers["Location"] = target
            return web.Response(status=status, headers=headers)
        kind = kind_of(Source(b"", held.capture.mime, None), destination)
        if address.raw or (kind is Kind.OTHER and held.capture.mime):
            return await self._whole(request, held, headers, status)
        body = await in_thread(None, self._bodies.get, held)
        if body.size > LIMIT:
            return await self._whole(request, held, headers, status)
        insert = self._insert(request, links) if destination in _FRAMES else ""
        text, charset = await in_thread(None, _rewritten, body, held, destination, links, insert)
        content_type = held.capture.mime or ("text/html" if charset else "")
        if content_type:
            given = charset or held.charset
            headers["Content-Type"] = clean(f"{content_type}; charset={given}" if given else content_type)
        return web.Response(status=_status(status), body=text, headers=headers)

    async def _whole(
        self, request: web.Request, held: Held, headers: dict[str, str], status: int
    ) -> web.StreamResponse:
        """A body as it was, or the part of it that was asked for (RFC 9110 section 14)."""
        body = await in_thread(None, self._bodies.get, held)
        status, start, stop = _status(status), 0, body.size
        headers["Content-Type"] = clean(held.capture.content_type) or "application/octet-stream"
        headers["Accept-Ranges"] = "bytes"
        wanted = byte_range(request.headers.get("Range"), body.size) if status == 200 else None
        if wanted is not None:
            start, stop = wanted
            if start >= stop:
                headers["Content-Range"] = f"bytes */{body.size}"
                return web.Response(status=416, headers=headers)
            status = 206
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{body.size}"
        headers["Content-Length"] = str(stop - start)
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        while request.method != "HEAD" and start < stop:
            piece = await in_thread(None, body.read, start, min(_PIECE, stop - start))
            if not piece:
                break
            await response.write(piece)
            start += len(piece)
        await response.write_eof()
        return response

    def _headers(self, request: web.Request, address: ReplayAddress, held: Held, *, scripts: bool) -> dict[str, str]:
        headers = dict(passed(held.capture.headers.items()))
        headers.update(self._guards(request, scripts=scripts))
        headers["Memento-Datetime"] = http_date(held.entry.timestamp)
        base = f"http://{request.host}"
        headers["Link"] = capture_links(base, held.entry.url)
        exact = ReplayAddress(normalised(held.entry.url), held.entry.timestamp, address.raw).path
        headers["Content-Location"] = exact
        refreshing = held.capture.headers.get("Refresh", "")
        if refreshing and not address.raw:
            links = Links(address.url, _moment(address, held))
            headers["Refresh"] = clean(refresh(refreshing, links) or "")
        return headers

    def _insert(self, request: web.Request, links: Links) -> str:
        app = other_origin(request.host, self.app_port)
        return f'<script src="/-/client.js" data-timestamp="{links.timestamp}" data-app="{html.escape(app)}"></script>'

    def _missing(self, request: web.Request, url: str, text: str, status: int = 404) -> web.Response:
        page = _MISSING.format(title="Not in the archive", url=html.escape(url), text=html.escape(text))
        headers = self._guards(request, scripts=False)
        if request.headers.get("Sec-Fetch-Dest", "document") in ("document", *_FRAMES):
            return web.Response(status=status, text=page, content_type="text/html", headers=headers)
        return web.Response(status=status, text=f"{status}: not in the archive: {url}\n{text}\n", headers=headers)


def _rewritten(body: Body, held: Held, destination: str, links: Links, insert: str) -> tuple[bytes, str | None]:
    source = Source(body.read(0, body.size), held.capture.mime, held.charset)
    result = rewrite(source, destination, links, insert)
    return result.body, result.charset


def _status(status: int) -> int:
    """A part that was archived is all there is; what is not modified was found all the same."""
    if status in (206, 304) or not 200 <= status <= 599:
        return 200
    return 200 if status in _BODILESS and status != 204 else status


def _path_of(referer: str) -> str | None:
    try:
        url = ada_url.URL(referer)
    except ValueError:
        return None
    return url.pathname + url.search


def _moment(address: ReplayAddress, held: Held) -> str:
    """What a page's links ask for: captures as close as possible to the page itself."""
    return address.timestamp if len(address.timestamp) == 14 else held.entry.timestamp
