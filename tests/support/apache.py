"""Apache httpd on a free loopback port, serving one directory; all that it writes is kept in a directory of the test.

It negotiates and compresses as Debian's own configuration does; what a browser and a crawler get from it may differ by
what they ask."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.nginx import STOP_SECONDS, await_port, free_port

_MODULES = ("mpm_event", "authz_core", "dir", "mime", "negotiation", "deflate", "filter", "setenvif", "autoindex")
_CONFIG = """\
ServerRoot {home}
ServerName localhost
DefaultRuntimeDir {home}
PidFile {home}/apache.pid
Mutex file:{home} default
ErrorLog {home}/error.log
Listen 127.0.0.1:{port}
{modules}
{user}
TypesConfig /etc/mime.types
AddDefaultCharset off
DocumentRoot {root}
DirectoryIndex index.html
AddOutputFilterByType DEFLATE text/html text/css application/javascript
UseCanonicalName off
<Directory {root}>
    Options +FollowSymLinks +Multiviews
    AllowOverride none
    Require all granted
</Directory>
"""


@contextmanager
def apache(program: str, root: Path, home: Path) -> Iterator[str]:
    """Serves `root` until the block is left; gives its address, with a slash. `home` must exist.

    Raises RuntimeError if it does not start."""
    port = free_port()
    modules = Path("/usr/lib/apache2/modules")
    loaded = "\n".join(f"LoadModule {name}_module {modules}/mod_{name}.so" for name in _MODULES)
    user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
    config = home / "apache.conf"
    config.write_text(_CONFIG.format(home=home, port=port, modules=loaded, user=user, root=root))
    command = [program, "-f", str(config), "-D", "FOREGROUND", "-E", str(home / "error.log")]
    with (home / "stderr.log").open("wb") as stderr:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, start_new_session=True
        )
    try:
        await_port(process, "apache2", port, home)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
