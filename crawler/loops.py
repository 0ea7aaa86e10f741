"""Which event loop a crawl runs on where it may choose: uvloop where it is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """For asyncio.Runner; None is asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def refuse_inside_a_loop(name: str, instead: str) -> None:
    """Raises RuntimeError where an event loop runs in this thread: what blocks would stop it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(f"{name} blocks, and an event loop runs in this thread already: use {instead}")
