"""What stands around every answer of the application: its policy, and errors as pages."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from storage.errors import ArchiveError
from storage.replay.hosts import other_origin
from storage.replay.look import Looking


def page_errors(looking: Looking) -> Any:
    """Turns what is not there, or cannot be read, into a page."""

    @web.middleware
    async def middleware(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        except web.HTTPNotFound as error:
            if error.text and not error.text.startswith("404: Not Found"):
                raise
            return await looking.error(request, 404, "This is not in the archive.")
        except ArchiveError as error:
            return await looking.error(request, 500, str(error))
        return response

    return middleware


def app_headers(replay_port: int) -> Any:
    """What every answer of the application carries."""

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        frames = other_origin(request.host, replay_port)
        rules = (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self';"
            f" base-uri 'none'; frame-ancestors 'none'; frame-src {frames};"
            " require-trusted-types-for 'script'; trusted-types 'none'"
        )
        response.headers.update(
            {
                "Content-Security-Policy": rules,
                "X-Content-Type-Options": "nosniff",
                "X-Frame-Options": "DENY",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Cross-Origin-Opener-Policy": "same-origin",
                "Referrer-Policy": "same-origin",
            }
        )
        response.headers.setdefault("Cache-Control", "no-store")

    return add
