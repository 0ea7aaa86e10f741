"""nginx on a free loopback port, serving one directory, with everything it writes kept in a directory of the test."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 10.0
STOP_SECONDS = 10.0

_CONFIG = """\
{user}
worker_processes 1;
daemon off;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{ worker_connections 512; }}
http {{
    types {{
        text/html html; text/css css; text/javascript js; text/plain txt py; text/xml xml; application/json json;
        image/png png; image/svg+xml svg; application/gzip gz;
    }}
    default_type application/octet-stream;
    log_format plain '$msec $status $bytes_sent $request_method $request_uri';
    access_log {home}/access.log plain;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    sendfile on; tcp_nopush on; keepalive_requests 100000;
    gzip {gzip}; gzip_types text/css; gzip_comp_level 1;
    server {{
        listen 127.0.0.1:{port} default_server backlog=511;
        # A redirect to the directory's slash must lead back through whatever stands in front, not past it.
        absolute_redirect off;
        root {root};
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running server."""

    port: int
    access_log: Path

    @property
    def url(self) -> str:
        """The address of the served directory, with its slash."""
        return f"http://127.0.0.1:{self.port}/"


@contextmanager
def nginx(program: str, root: Path, home: Path, *, gzip: bool = False, prefix: Sequence[str] = ()) -> Iterator[Nginx]:
    """Serves `root` until the block is left. `home` must exist; configuration, logs and the pid file go there.

    `gzip` compresses HTML and CSS on the fly for clients that accept it, which also makes those answers chunked.
    `prefix` stands before the command, e.g. ("taskset", "-c", "1"). Raises RuntimeError if nginx does not start."""
    port = free_port()
    config = home / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(_CONFIG.format(user=user, home=home, port=port, root=root, gzip="on" if gzip else "off"))
    command = [*prefix, program, "-c", str(config), "-p", str(home), "-e", str(home / "error.log")]
    with (home / "stderr.log").open("wb") as stderr:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr)
    try:
        await_port(process, "nginx", port, home)
        yield Nginx(port, home / "access.log")
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A loopback port that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def await_port(process: subprocess.Popen[bytes], name: str, port: int, home: Path) -> None:
    """Waits until a connection is accepted: a server has no other way to say that it is ready."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
    told = "".join(
        path.read_text(errors="replace") for path in (home / "stderr.log", home / "error.log") if path.exists()
    )
    raise RuntimeError(f"{name} did not start on port {port}: {told.strip() or 'it said nothing'}")
