"""What is presented to whom, and what of it stays out of the archive."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.commandline.arguments import parse_arguments
from crawler.commandline.configfile import read_config, write_config
from crawler.commandline.settings import make_config
from crawler.config import CrawlConfig, InvalidSetting
from crawler.identity.cookies import Cookie, CookieJar
from crawler.identity.credentials import NOTHING, Credentials, basic, redact

OWN = (("Authorization", "Bearer abc"), ("COOKIE", "a=1"), ("X-Key", "k"))


def credentials(jar: CookieJar | None = None, **options: object) -> Credentials:
    return Credentials(CrawlConfig(**options), jar or CookieJar())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.test/", True), ("https://a.test/x?y", True), ("https://a.test", True),
        ("http://127.0.0.1:8000/x", True), ("http://a.test/", False), ("https://a.test:8443/", False),
        ("https://www.a.test/", False), ("https://b.test/", False), ("http://127.0.0.1/", False),
        ("http://127.0.0.1:80000/", False), ("http://127.0.0.1:800/", False), ("https://a.test@evil.test/", False),
        ("https://a.test\\@evil.test/", True), ("https://a.testx/", False),
    ],
)  # fmt: skip
def test_secret_headers_are_for_the_seeds_own_origins(url: str, shown: bool) -> None:
    presented = credentials(headers=OWN, seeds=("a.test", "http://127.0.0.1:8000/docs")).present(url)
    assert presented.headers == ({"Authorization": "Bearer abc", "Cookie": "a=1"} if shown else {})
    assert presented.secret == (("authorization", "cookie") if shown else ())


@pytest.mark.parametrize(
    ("host", "url", "shown"),
    [
        ("b.test", "https://b.test/x", True), ("b.test", "http://b.test/x", False),
        ("b.test", "https://b.test:8443/", False), ("b.test", "https://x.b.test/", False),
        ("b.test:8443", "https://b.test:8443/", True), ("http://b.test", "http://b.test/", True),
        ("http://b.test:8000/", "http://b.test:8000/", True), ("http://b.test:8000", "http://b.test/", False),
        ("HTTPS://B.TEST", "https://b.test/", True), ("[2001:db8::1]", "https://[2001:db8::1]/", True),
    ],
)  # fmt: skip
def test_a_login_is_for_one_scheme_host_and_port(host: str, url: str, shown: bool) -> None:
    presented = credentials(auth=((host, "me:s:e"),)).present(url)
    assert presented.headers == ({"Authorization": "Basic bWU6czpl"} if shown else {})
    assert presented.secret == (("authorization",) if shown else ())


def test_a_login_is_stronger_than_a_header() -> None:
    both = credentials(auth=(("a.test", "me:secret"),), headers=OWN, seeds=("a.test", "b.test"))
    assert both.present("https://a.test/").headers["Authorization"] == basic("me:secret")
    assert both.present("https://b.test/").headers["Authorization"] == "Bearer abc"


def test_one_cookie_header_and_whose_it_is() -> None:
    jar = CookieJar()
    own = credentials(jar, headers=OWN, seeds=("a.test",))
    jar.receive("https://a.test/", ["b=2"])
    jar.receive("https://b.test/", ["c=3"])
    jar.put(Cookie("d.test", "/", "d", "4", given=True))
    assert own.present("https://a.test/").headers["Cookie"] == "a=1; b=2"
    assert own.present("https://b.test/").headers == {"Cookie": "c=3"}
    assert own.present("https://b.test/").secret == ()
    assert own.present("https://d.test/").secret == ("cookie",)
    assert own.present("https://e.test/") is NOTHING


def test_passwords_beyond_ascii_go_out_as_utf_8() -> None:
    assert basic("é:ü") == "Basic w6k6w7w="


def test_masking_spares_all_but_the_values() -> None:
    request = (
        b"GET /cookie: HTTP/1.1\r\nHost: a.test\r\nX-Cookie: a\r\ncookie:a=1; b=2\r\nAuthorization:  Basic x\r\n"
        b"Accept: Authorization: y\r\n\r\nCookie: in the body\r\n"
    )
    masked, names = redact(request, ("authorization", "cookie", "proxy-authorization"))
    assert masked == (
        b"GET /cookie: HTTP/1.1\r\nHost: a.test\r\nX-Cookie: a\r\ncookie:REDACTED\r\nAuthorization:  REDACTED\r\n"
        b"Accept: Authorization: y\r\n\r\nCookie: in the body\r\n"
    )
    assert names == ("authorization", "cookie")
    assert redact(b"", ("cookie",)) == (b"", ())
    assert redact(b"GET / HTTP/1.1\r\nCookie: cut o", ("cookie",)) == (
        b"GET / HTTP/1.1\r\nCookie: REDACTED",
        ("cookie",),
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"auth": (("a.test/path", "a:b"),)}, "auth: 'a.test/path' is more than a host; a password is for all of it"),
        ({"auth": (("ftp://a.test", "a:b"),)}, "auth: 'ftp://a.test' is not a web address"),
        ({"auth": (("a.test", "secret"),)}, "auth: what is given for a.test is not of the form USER:PASSWORD"),
        ({"auth": (("a.test", "a:secret\n"),)}, "auth: what is given for a.test is not of the form USER:PASSWORD"),
        ({"auth": ("a.test=a:b",)}, "auth: takes pairs of a host and 'user:password'"),
        ({"headers": (("Proxy-Authorization", "x"),)}, "headers: a proxy's user and password belong into --proxy"),
        ({"proxy": "proxy.test:8080"}, "proxy: must be like http://HOST:PORT or socks5://HOST:PORT"),
        ({"proxy": "ftp://proxy.test:8080"}, "proxy: must be like"),
        ({"proxy": "http://:8080"}, "proxy: must be like"),
        ({"proxy": "http://proxy.test"}, "proxy: must name a host and a port, and nothing behind them"),
        ({"proxy": "http://proxy.test:80/x"}, "proxy: must name a host and a port"),
        ({"proxy": "http://proxy.test:99999"}, "proxy: "),
        ({"bind_address": "example.com"}, "bind_address: 'example.com' does not appear to be an IPv4 or IPv6 address"),
        ({"bind_address": "::1", "ipv4_only": True}, "bind_address: ::1 is an IPv6 address"),
        ({"ipv4_only": True, "ipv6_only": True}, "ipv6_only: contradicts --ipv4-only"),
        ({"client_key": "k.pem"}, "client_key: is of no use without --client-cert"),
        ({"proxy": "socks5://p.test:1", "ipv4_only": True}, "ipv4_only: is of no use with a SOCKS proxy"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        CrawlConfig(**options)  # type: ignore[arg-type]
    assert str(caught.value).startswith(complaint)
    assert "secret" not in str(caught.value)


def test_the_command_line_and_crawl_toml_say_the_same(tmp_path: Path) -> None:
    words = [
        "-4", "--auth", "http://b.test:81=me:s=e:c", "--auth", "c.test=:", "--cookies", "c.txt", "--no-redact",
        "--proxy", "http://me:x@p.test:80", "--ca-file", "ca.pem", "--insecure", "--client-cert", "c.pem",
        "--client-key", "k.pem", "--bind-address", "127.0.0.1", "--allow-private",
    ]  # fmt: skip
    config = make_config(parse_arguments(words).settings)
    assert config == CrawlConfig(
        ipv4_only=True, auth=(("http://b.test:81", "me:s=e:c"), ("c.test", ":")), cookies="c.txt", redact=False,
        proxy="http://me:x@p.test:80", ca_file="ca.pem", insecure=True, client_cert="c.pem", client_key="k.pem",
        bind_address="127.0.0.1", allow_private=True,
    )  # fmt: skip
    write_config(tmp_path / "crawl.toml", config)
    assert read_config(tmp_path / "crawl.toml") == config


def test_the_short_forms() -> None:
    assert make_config(parse_arguments(["-6"]).settings).ipv6_only
    assert make_config(parse_arguments(["--max-depth", "1", "-4"]).settings).ipv4_only
