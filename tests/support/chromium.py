"""Headless Chromium as a witness: what a page asks for, what it holds, how it looks; and nothing leaves the machine.

    async with chromium(names={"a.test": site.port}) as browser:
        page = await browser.open("http://a.test/", scripts=False)
        page.urls                                   # all that it asked for, frames and workers included
        await page.evaluate("document.title")       # works with the page's own scripts off, too
        (tmp_path / "a.png").write_bytes(await page.screenshot())
        await page.close()
    assert browser.escapes == []                    # what it would have asked of other hosts

Loopback addresses and `names` are reached directly. All else is sent to a proxy that notes it and refuses."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.devtools import DevTools, devtools
from tests.support.programs import require_program
from tests.support.serving import Handler, serving
from tests.support.tab import Page

START_SECONDS = 30.0
STOP_SECONDS = 5.0

_QUIET = (
    *("--headless=new", "--no-sandbox", "--no-first-run", "--no-default-browser-check", "--disable-gpu"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps"),
    *(
        "--disable-extensions",
        "--disable-breakpad",
        "--disable-domain-reliability",
        "--disable-client-side-phishing-detection",
    ),
    *("--metrics-recording-only", "--no-pings", "--password-store=basic", "--use-mock-keychain", "--mute-audio"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb", "--remote-debugging-port=0"),
    "--disable-features=Translate,OptimizationHints,MediaRouter,AutofillServerCommunication,InterestFeedContentSuggestions,"
    "CertificateTransparencyComponentUpdater,NetworkTimeServiceQuerying,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
)
_OWN_HOSTS = re.compile(
    r"[A-Z]+ (?:https?://)?(?:accounts|clients[0-9]?|update|safebrowsing|optimizationguide-pa|content-autofill|edgedl\.me"
    r"|www)\.(?:google|googleapis|gvt1)\.com[:/]"
)
"""What the program asks for itself, whatever it is forbidden; no page here names these hosts."""
_ADDRESS = re.compile(rb"DevTools listening on (ws://\S+)")


@dataclass(eq=False)
class Browser:
    """A running Chromium with an empty profile."""

    connection: DevTools
    group: int
    """The process group that it and all its processes belong to."""
    escapes: list[str]
    """What pages asked of hosts that they may not reach: `CONNECT host:443` or `GET http://host/...`; all refused."""

    async def blank(self, *, scripts: bool = True, width: int = 1280, height: int = 800) -> Page:
        """An empty tab that is observed."""
        target = (await self.connection.send("Target.createTarget", url="about:blank"))["targetId"]
        attached = await self.connection.send("Target.attachToTarget", targetId=target, flatten=True)
        page = Page(self.connection, target, attached["sessionId"])
        await page.begin(page.session, scripts=scripts)
        await page.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        return page

    async def open(self, url: str, *, scripts: bool = True, idle: float = 0.1) -> Page:
        """A new tab at `url`, loaded and still for `idle` seconds. Raises DevToolsError, TimeoutError."""
        page = await self.blank(scripts=scripts)
        await page.goto(url, idle=idle)
        return page


@contextlib.asynccontextmanager
async def chromium(*, names: Mapping[str, int] | None = None) -> AsyncIterator[Browser]:
    """A Chromium with an empty profile; each of `names` leads to that port of this machine."""
    program = require_program("chromium")
    escapes: list[str] = []
    # Not below tmp_path: its socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as home:
        async with serving(_refusing(escapes)) as sink:
            process = _start(program, Path(home), sink, names or {})
            try:
                async with devtools(await _listening(process, Path(home, "log"))) as connection:
                    yield Browser(connection, process.pid, escapes)
            finally:
                _stop(process)


def _start(program: str, home: Path, sink: int, names: Mapping[str, int]) -> subprocess.Popen[bytes]:
    rules = [f"MAP {name} 127.0.0.1:{port}" for name, port in names.items()]
    rules += ["MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1", "EXCLUDE localhost"]
    command = [program, *_QUIET, f"--user-data-dir={home}", f"--host-resolver-rules={', '.join(rules)}"]
    command += [f"--proxy-server=http://127.0.0.1:{sink}", f"--proxy-bypass-list={';'.join(names)}", "about:blank"]
    own = {**os.environ, "HOME": str(home), "TMPDIR": str(home)}
    with (home / "log").open("wb") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=own, start_new_session=True
        )


async def _listening(process: subprocess.Popen[bytes], log: Path) -> str:
    """The address of its DevTools, which it tells on stderr. Raises RuntimeError."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_SECONDS
    while process.poll() is None and loop.time() < deadline:
        if told := _ADDRESS.search(log.read_bytes()):
            return told[1].decode()
        await asyncio.sleep(0.02)  # it has no other way to say that it is ready
    raise RuntimeError(f"chromium did not start: {log.read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends it with all its processes; its profile is thrown away, so it need not tidy up."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_SECONDS)
    deadline = time.monotonic() + STOP_SECONDS
    while living(process.pid) and time.monotonic() < deadline:  # nobody tells when the children of others have ended
        time.sleep(0.005)


def living(group: int) -> list[int]:
    """The processes of a group that run; those that ended and wait for init to notice do not count."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]  # proc(5)
        except OSError:
            continue
        if int(its_group) == group and state != "Z":
            found.append(int(path.parent.name))
    return found


def _refusing(escapes: list[str]) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked = head.partition(b" HTTP/")[0].decode("latin-1")
        if not _OWN_HOSTS.match(asked):
            escapes.append(asked)
        writer.write(b"HTTP/1.1 502 Not From Here\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()

    return handle
