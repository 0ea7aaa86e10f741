"""The browser that judges others is itself judged: it must see every request, and must reach nothing but the test's."""

from __future__ import annotations

import pytest

from tests.support.chromium import chromium, living
from tests.support.devtools import DevToolsError
from tests.support.site import Site, response

PAGE = b"""<!doctype html><title>A page</title><link rel=icon href=data:,><style>@import '/a.css';</style>
<img src=/redirect><noscript><img src=/noscript.png></noscript><script>document.write('<img src=/script.png>')</script>
<iframe src=http://b.test/frame></iframe><iframe srcdoc='<img src=/srcdoc.png>'></iframe>
<img src=http://elsewhere.test/x.png><img src=https://192.0.2.1/y.png><a href=/link>link</a>"""
ANSWERS = {
    "/": response(PAGE),
    "/a.css": response(b"body { background: url(bg.png) }", "text/css"),
    "/redirect": b"HTTP/1.1 302 Found\r\nLocation: /arrived.png\r\nContent-Length: 0\r\n\r\n",
    "/frame": response(b"<img src=/in-frame.png><a href=/of-frame>link</a>"),
}
ALWAYS = {
    *("http://a.test/", "http://a.test/a.css", "http://a.test/bg.png", "http://a.test/redirect"),
    *("http://a.test/arrived.png", "http://b.test/frame", "http://b.test/in-frame.png", "http://a.test/srcdoc.png"),
    *("http://elsewhere.test/x.png", "https://192.0.2.1/y.png"),
}


async def test_every_request_is_seen_and_none_leaves() -> None:
    with Site(ANSWERS) as site:
        async with chromium(names={"a.test": site.port, "b.test": site.port}) as browser:
            without = await browser.open("http://a.test/", scripts=False)
            assert set(without.urls) == {*ALWAYS, "http://a.test/noscript.png"}
            assert await without.evaluate("[...document.links].map(link => link.href)") == ["http://a.test/link"]
            assert await without.frame_values("document.images.length") == [4, 1]
            (redirect,) = (each for each in without.requests if each.url.endswith("/redirect"))
            assert (redirect.kind, redirect.status) == ("Image", 302)
            await without.close()
            assert sorted(set(browser.escapes)) == ["CONNECT 192.0.2.1:443", "GET http://elsewhere.test/x.png"]

            with_scripts = await browser.open("http://a.test/")
            assert set(with_scripts.urls) == {*ALWAYS, "http://a.test/script.png"}
            assert (await with_scripts.screenshot()).startswith(b"\x89PNG")
            assert await with_scripts.evaluate("Promise.resolve(document.title)") == "A page"
            with pytest.raises(DevToolsError, match="nonsense"):
                await with_scripts.evaluate("nonsense()")
            with pytest.raises(DevToolsError, match=r"ERR_(PROXY|TUNNEL)"):
                await browser.open("https://elsewhere.test/")


async def test_nothing_of_it_is_left_running() -> None:
    async with chromium() as browser:
        assert living(browser.group)
    assert living(browser.group) == []
