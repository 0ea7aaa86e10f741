"""A client of the Chrome DevTools Protocol: commands and events over one WebSocket, many sessions on it.

https://chromedevtools.github.io/devtools-protocol/; sessions are told apart by `sessionId` in each message ("flat")."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import aiohttp

Listener = Callable[[str, dict[str, Any]], None]
"""Is given an event's name and its parameters; must not block."""
PATIENCE = 30.0
"""Seconds that a command may take."""


class DevToolsError(Exception):
    """The browser refused a command, or is gone."""


class DevTools:
    """The connection to one browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._awaited: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._listeners: dict[str | None, Listener] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._gone = False

    def listen(self, session: str | None, listener: Listener) -> None:
        """Gives a session's events to `listener`; None is the browser itself."""
        self._listeners[session] = listener

    async def send(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """A command's result. Raises DevToolsError."""
        if self._gone:
            raise DevToolsError(f"{method}: the browser is gone")
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        self._awaited[number] = answer = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._socket.send_json(message)
                result: dict[str, Any] = await answer
                return result
        except (TimeoutError, OSError) as error:
            raise DevToolsError(f"{method}: {error!r}") from error
        finally:
            self._awaited.pop(number, None)

    def also(self, work: Coroutine[Any, Any, None]) -> None:
        """Does what an event asks for: a listener cannot wait for commands."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def read(self) -> None:
        """Hands out what the browser says, until it is gone."""
        try:
            async for message in self._socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                said = message.json()
                if "id" in said:
                    self._answer(said)
                else:
                    listener = self._listeners.get(said.get("sessionId"))
                    if listener is not None:
                        listener(said["method"], said["params"])
        finally:
            self._gone = True
            for answer in self._awaited.values():
                if not answer.done():
                    answer.set_exception(DevToolsError("the browser is gone"))

    async def end(self, reading: asyncio.Task[None]) -> None:
        """Stops reading, and whatever still waits for an answer."""
        for task in (reading, *self._tasks):
            task.cancel()
        await asyncio.wait([reading, *self._tasks])

    def _answer(self, said: dict[str, Any]) -> None:
        answer = self._awaited.get(said["id"])
        if answer is None or answer.done():
            return
        if "error" in said:
            answer.set_exception(DevToolsError(str(said["error"].get("message"))))
        else:
            answer.set_result(said["result"])


@contextlib.asynccontextmanager
async def devtools(address: str) -> AsyncIterator[DevTools]:
    """The connection to the browser at a `ws:` address."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(address, max_msg_size=256 << 20, compress=0) as socket,
    ):
        connection = DevTools(socket)
        reading = asyncio.create_task(connection.read(), name="devtools")
        try:
            yield connection
        finally:
            await connection.end(reading)
