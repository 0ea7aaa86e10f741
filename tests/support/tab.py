"""One tab of Chromium, observed: what it asks for, what it holds, how it looks."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from dataclasses import dataclass, field
from typing import Any

from tests.support.devtools import DevTools, DevToolsError

PAGE_SECONDS = 30.0


@dataclass(slots=True)
class Request:
    """One request that a page made. A redirect is a request of its own."""

    url: str
    method: str
    kind: str
    """Chromium's word: Document, Stylesheet, Image, Media, Font, Script, XHR, Fetch, Manifest, ..."""
    status: int | None = None
    """None where no answer came."""
    failure: str | None = None
    """Chromium's word for why: `net::ERR_...`."""
    from_service_worker: bool = False


@dataclass(eq=False)
class Page:
    """One tab."""

    connection: DevTools
    target: str
    session: str
    requests: list[Request] = field(default_factory=list)
    """In the order they were made, those of frames and workers included."""
    console: list[str] = field(default_factory=list)
    """What its scripts wrote to the console, and their uncaught errors."""
    _open: dict[str, Request] = field(default_factory=dict)
    _loaded: asyncio.Event = field(default_factory=asyncio.Event)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def urls(self) -> list[str]:
        """The http(s) addresses asked for, in order, without repeats."""
        return list(dict.fromkeys(each.url for each in self.requests if each.url.startswith(("http://", "https://"))))

    async def goto(self, url: str, *, idle: float = 0.1) -> None:
        """Goes to `url`; returns when it has loaded and nothing was under way for `idle` seconds.

        Raises DevToolsError where there is no page, and TimeoutError."""
        self._loaded.clear()
        answer = await self.send("Page.navigate", url=url)
        if "errorText" in answer:
            raise DevToolsError(f"{url}: {answer['errorText']}")
        await self.settled(idle=idle)

    async def settled(self, *, idle: float = 0.1) -> None:
        """Waits until the page has loaded and nothing was under way for `idle` seconds. Raises TimeoutError."""
        async with asyncio.timeout(PAGE_SECONDS):
            await self._loaded.wait()
            while True:
                self._moved.clear()
                try:
                    async with asyncio.timeout(idle if not self._open else PAGE_SECONDS):
                        await self._moved.wait()
                except TimeoutError:
                    return

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page; a promise is awaited. Raises DevToolsError."""
        answer = await self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return _value(answer)

    async def frame_values(self, expression: str) -> list[Any]:
        """The value of an expression in each frame, the main one first, each in a world of its own.

        Raises DevToolsError."""
        tree = (await self.send("Page.getFrameTree"))["frameTree"]
        frames, values = [tree], []
        while frames:
            frame = frames.pop(0)
            frames += frame.get("childFrames", [])
            world = await self.send("Page.createIsolatedWorld", frameId=frame["frame"]["id"])
            answer = await self.send(
                "Runtime.evaluate", expression=expression, returnByValue=True, contextId=world["executionContextId"]
            )
            values.append(_value(answer))
        return values

    async def screenshot(self, *, full: bool = False) -> bytes:
        """A PNG of what is seen, or of the whole page."""
        answer = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=full)
        return base64.b64decode(answer["data"])

    async def close(self) -> None:
        """Closes the tab."""
        await self.connection.send("Target.closeTarget", targetId=self.target)

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command of the DevTools Protocol to this page. Raises DevToolsError."""
        return await self.connection.send(method, self.session, **parameters)

    async def begin(self, session: str, *, scripts: bool) -> None:
        """Begins to observe a target: the page itself, a frame of another site in a process of its own, a worker."""
        self.connection.listen(session, lambda name, event: self._notice(session, name, event, scripts))
        send = self.connection.send
        await send("Network.enable", session)
        await send("Network.setCacheDisabled", session, cacheDisabled=True)
        await send(
            "Target.setAutoAttach", session, autoAttach=True, waitForDebuggerOnStart=True, flatten=True
        )  # fmt: skip
        with contextlib.suppress(DevToolsError):  # a worker has no Page
            await send("Runtime.enable", session)
            await send("Page.enable", session)
            if not scripts:
                await send("Emulation.setScriptExecutionDisabled", session, value=True)

    async def _attached(self, session: str, scripts: bool) -> None:
        with contextlib.suppress(DevToolsError):  # gone again already
            await self.begin(session, scripts=scripts)
            await self.connection.send("Runtime.runIfWaitingForDebugger", session)

    def _notice(self, session: str, name: str, event: dict[str, Any], scripts: bool) -> None:
        if name == "Target.attachedToTarget":
            self.connection.also(self._attached(event["sessionId"], scripts))
        elif name == "Page.loadEventFired" and session == self.session:
            self._loaded.set()
        elif name == "Runtime.exceptionThrown":
            details = event["exceptionDetails"]
            self.console.append(str(details.get("exception", {}).get("description") or details.get("text")))
        elif name == "Runtime.consoleAPICalled":
            self.console.append(" ".join(str(each.get("value", each.get("description"))) for each in event["args"]))
        elif name.startswith("Network."):
            self._network(name, event)
        self._moved.set()

    def _network(self, name: str, event: dict[str, Any]) -> None:
        key = event.get("requestId", "")
        known = self._open.get(key)
        if name == "Network.requestWillBeSent":
            if known is not None and "redirectResponse" in event:
                known.status = event["redirectResponse"]["status"]
            asked = event["request"]
            request = Request(asked["url"].partition("#")[0], asked["method"], event.get("type", "Other"))
            self.requests.append(request)
            if not request.url.startswith("data:"):
                self._open[key] = request
        elif known is None:
            return
        elif name == "Network.responseReceived":
            known.status = event["response"]["status"]
            known.from_service_worker = event["response"].get("fromServiceWorker", False)
        elif name in ("Network.loadingFinished", "Network.loadingFailed"):
            known.failure = event.get("errorText")
            del self._open[key]


def _value(answer: dict[str, Any]) -> Any:
    if "exceptionDetails" in answer:
        told = answer["exceptionDetails"]
        raise DevToolsError(told.get("exception", {}).get("description") or told.get("text"))
    return answer["result"].get("value")
