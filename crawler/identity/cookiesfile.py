"""cookies.txt: the file of cookies that browsers' extensions, curl and wget write, in the form Netscape gave it.

    # Netscape HTTP Cookie File
    .example.com    TRUE    /       TRUE    1893456000      session 1a2b3c

Seven fields with tabs between them: domain; whether its subdomains are meant too; path; whether TLS is asked for;
expiry in seconds since 1970, 0 for none; name; value. `#HttpOnly_` before the domain is no comment.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from crawler.errors import UsageError
from crawler.identity.cookies import Cookie, CookieJar, is_address, is_public_suffix
from crawler.urls import host_of, normalize

_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f;]")


def give_cookies(jar: CookieJar, path: str | Path) -> None:
    """Puts the cookies of a file into the jar. Raises UsageError naming the file, and the line that is wrong."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not UTF-8 text") from None
    jar.give(list(parse_cookies(text, str(path))), hashlib.sha256(data).hexdigest())


def parse_cookies(text: str, name: str) -> Iterator[Cookie]:
    """The cookies of a file's text, expired ones included. Raises UsageError naming lines by `name`."""
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        fields = line.removeprefix("#HttpOnly_").split("\t")
        if not line.strip() or (line.startswith("#") and not line.startswith("#HttpOnly_")):
            continue
        try:
            yield _cookie(fields, number)
        except ValueError as error:
            raise UsageError(f"{name}:{number}: {error}") from None


def _cookie(fields: list[str], number: int) -> Cookie:
    if len(fields) == 6:
        fields = [*fields, ""]  # an empty value at the end of a line is easily lost
    if len(fields) != 7:
        raise ValueError(f"a cookie has seven fields, with tabs between them, not {len(fields)}")
    domain, subdomains, path, secure, expires, name, value = fields
    for flag in (subdomains, secure):
        if flag.upper() not in ("TRUE", "FALSE"):
            raise ValueError(f"{flag!r} is neither TRUE nor FALSE")
    if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]*)?", expires or "0"):
        raise ValueError(f"{expires!r} is not a time in seconds since 1970")
    if not path.startswith("/") or _UNSENDABLE.search(path + name + value) or "=" in name or not (name or value):
        raise ValueError("has a path, name or value that no cookie can have")
    host = _host(domain)
    host_only = subdomains.upper() == "FALSE" and not domain.startswith(".")
    if not host_only and is_public_suffix(host):
        raise ValueError(f"{host} is a public suffix: its cookie would go to everybody")
    moment = float(expires or 0)
    return Cookie(
        host, path, name, value, host_only=host_only or is_address(host), secure=secure.upper() == "TRUE",
        expires=moment if moment > 0 else None, created=float(number), given=True,
    )  # fmt: skip


def _host(domain: str) -> str:
    url = normalize(f"https://{domain.removeprefix('.')}/")
    if url is None or not domain or "/" in domain:
        raise ValueError(f"{domain!r} is no domain")
    return host_of(url).strip("[]")
