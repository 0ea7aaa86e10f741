"""`serve` asked over HTTP: lists, search, details, replay, and what other tools ask for."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import signal
import socket
import sys
import tempfile
from pathlib import Path

import aiohttp
import pytest

from storage.cli import main
from storage.replay.catalogue import catalogue_path
from tests.support.looking import AT, Exchange, archive, looking
from tests.support.warc import members

PAGE = b"<!doctype html><title>Tides &amp; moons</title><img src=/i.png><a href=//b.test/x>x</a><p>Spring tide in May"
HOSTILE = "http://a.test/?<script>alert(1)</script>\u202e"

EXCHANGES = [
    Exchange(
        "http://a.test/",
        PAGE,
        outlinks=["http://a.test/i.png E img/@src", "http://a.test/lost.css E link/@href", "http://b.test/x L a/@href"],
        headers=["Set-Cookie: a=b", "Content-Security-Policy: default-src 'none'", "X-Odd: <script>", "X-Odd: 2"],
    ),
    Exchange("http://a.test/i.png", b"\x89PNG" + bytes(1000), type="image/png", seconds=1),
    Exchange("http://a.test/", b"<title>Later</title>", seconds=100),
    Exchange("http://a.test/copy", seconds=3, refers_to="http://a.test/"),
    Exchange("http://a.test/zip", gzip.compress(b"<p>packed"), headers=["Content-Encoding: gzip"], seconds=4),
    Exchange(
        "http://a.test/chunks",
        b"3\r\nabc\r\n0\r\n\r\n",
        "text/plain",
        headers=["Transfer-Encoding: chunked"],
        seconds=5,
    ),
    Exchange("http://a.test/old", status="301 Moved", headers=["Location: /new?x=1"], seconds=6),
    Exchange("http://c.test/", status="301 Moved", headers=["Location: https://c.test/"], seconds=7),
    Exchange("https://c.test/", b"<p>secure", seconds=8),
    Exchange("http://a.test/busy", b"not now", status="503 Busy", seconds=9),
    Exchange("http://a.test/busy", b"<p>now", seconds=11),
    Exchange("http://a.test/none", b"<p>gone", status="404 Not Found", seconds=12),
    Exchange(HOSTILE, b"<title></title><script>alert(1)</script>", seconds=13, metadata={"via": "<script>"}),
    Exchange("http://dead.test/", answered=False, metadata={"failure": "connect", "reason": "refused"}, seconds=14),
]


@pytest.fixture
async def held(tmp_path: Path) -> Path:
    return await archive(tmp_path / "crawl", EXCHANGES)


async def test_a_page_is_replayed_with_its_addresses_mapped(held: Path) -> None:
    async with looking(held) as looker:
        answer = await looker.replayed("http://a.test/")
    assert answer.status == 200
    assert f'<img src="/replay/{AT}/http://a.test/i.png">' in answer.text
    assert f'<a href="/replay/{AT}/http://b.test/x">' in answer.text
    assert answer.text.index("/-/client.js") < answer.text.index("<title>")
    assert answer.headers["Memento-Datetime"] == "Fri, 02 Jan 2026 03:04:05 GMT"
    assert 'rel="original"' in answer.headers["Link"]


async def test_what_the_archived_answer_would_tell_a_browser_is_only_shown(held: Path) -> None:
    async with looking(held) as looker:
        answer = await looker.replayed("http://a.test/")
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["x-archive-orig-set-cookie"] == "a=b"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "sandbox" in policy
    assert "default-src 'none'" not in policy


async def test_the_capture_closest_in_time_answers(held: Path) -> None:
    async with looking(held) as looker:
        assert "Spring tide" in (await looker.replayed("http://a.test/", "2026")).text
        assert "Later" in (await looker.replayed("http://a.test/", "20260102030520")).text
        assert "Later" in (await looker.replayed("http://a.test/", "")).text
        assert "now" in (await looker.replayed("http://a.test/busy", "20260102030413")).text
        assert (await looker.replayed("http://a.test/busy", "20260102030414")).status == 503


async def test_a_revisit_shows_what_it_refers_to(held: Path) -> None:
    async with looking(held) as looker:
        answer = await looker.replayed("http://a.test/copy")
        assert "Spring tide" in answer.text
        raw = await looker.get(f"{looker.replay}/replay/{AT}id_/http://a.test/copy")
        assert raw.body == PAGE


async def test_codings_are_taken_off(held: Path) -> None:
    async with looking(held) as looker:
        assert "<p>packed" in (await looker.replayed("http://a.test/zip")).text
        answer = await looker.replayed("http://a.test/chunks")
        assert (answer.body, answer.headers["Content-Type"]) == (b"abc", "text/plain")


async def test_redirects_stay_within_the_replay_and_turn_in_no_circle(held: Path) -> None:
    async with looking(held) as looker:
        answer = await looker.replayed("http://a.test/old")
        assert (answer.status, answer.headers["Location"]) == (301, f"/replay/{AT}/http://a.test/new?x=1")
        assert "secure" in (await looker.replayed("http://c.test/")).text


async def test_what_was_not_captured_is_said_and_never_fetched(held: Path) -> None:
    async with looking(held) as looker:
        for dest, type_ in (("iframe", "text/html"), ("image", "text/plain")):
            answer = await looker.replayed("http://nowhere.test/<x>", dest=dest)
            assert answer.status == 404
            assert answer.headers["Content-Type"].startswith(type_)
            assert "not in the archive" in answer.text.lower()
            assert "<x>" not in answer.text
        assert (await looker.replayed("http://a.test/none")).status == 404


async def test_a_part_of_a_body_can_be_asked_for(held: Path) -> None:
    async with looking(held) as looker:
        whole = await looker.replayed("http://a.test/i.png", dest="image")
        part = await looker.replayed("http://a.test/i.png", dest="video", Range="bytes=1-3")
        beyond = await looker.replayed("http://a.test/i.png", dest="video", Range="bytes=5000-")
    assert whole.body == b"\x89PNG" + bytes(1000)
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"PNG", "bytes 1-3/1004")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */1004")


async def test_an_address_from_the_root_belongs_to_the_page_that_asks(held: Path) -> None:
    async with looking(held) as looker:
        page = f"{looker.replay}/replay/{AT}/http://a.test/"
        answer = await looker.get(f"{looker.replay}/i.png?x=1", Referer=page)
        assert (answer.status, answer.headers["Location"]) == (307, f"/replay/{AT}/http://a.test/i.png?x=1")
        assert (await looker.get(f"{looker.replay}/i.png")).status == 404


async def test_a_page_outside_the_frame_is_sent_to_the_application(held: Path) -> None:
    async with looking(held) as looker:
        answer = await looker.replayed("http://a.test/", dest="document")
        assert answer.status == 303
        assert answer.headers["Location"] == f"{looker.app}/view/{AT}/http://a.test/"
        plain = await looker.get(f"{looker.replay}/replay/{AT}/http://a.test/")
        assert "script-src 'none'" in plain.headers["Content-Security-Policy"]
        assert "client.js" not in plain.text


async def test_an_archived_service_worker_is_not_registered(held: Path) -> None:
    async with looking(held) as looker:
        answer = await looker.replayed("http://a.test/", dest="serviceworker", **{"Service-Worker": "script"})
        assert answer.status == 403
        own = await looker.get(f"{looker.replay}/-/worker.js", Service_Worker="script")
        assert (own.status, own.headers["Service-Worker-Allowed"]) == (200, "/")


@pytest.mark.parametrize("host", ["evil.test", "evil.test:80", "127.0.0.1.evil.test", "localhost.evil.test:1"])
async def test_nobody_else_s_name_leads_here(held: Path, host: str) -> None:
    async with looking(held) as looker:
        assert (await looker.get("/", Host=host)).status == 421
        assert (await looker.get(f"{looker.replay}/replay/{AT}/http://a.test/", Host=host)).status == 421


async def test_pages_are_listed_and_gone_through_by_key(tmp_path: Path) -> None:
    many = [Exchange(f"http://a.test/{number:04d}", f"<title>T{number}</title>".encode()) for number in range(250)]
    async with looking(await archive(tmp_path / "crawl", many)) as looker:
        seen, url = [], "/"
        while url:
            text = (await looker.get(url)).text
            seen += [
                number for number in range(250) if f">T{number}<" in text.replace("<bdi>", ">").replace("</bdi>", "<")
            ]
            found = text.partition('class="next" href="')[2].partition('"')[0]
            url = found.replace("&amp;", "&")
    assert seen == list(range(250))


async def test_search_finds_text_titles_and_addresses(held: Path) -> None:
    async with looking(held) as looker:
        assert "Tides &amp; moons" in (await looker.get("/?q=spring+tid")).text
        assert "Tides &amp; moons" in (await looker.get("/?q=moons")).text
        assert "http://a.test/chunks" in (await looker.get("/?q=http://a.test/chu")).text
        assert "No page has" in (await looker.get("/?q=nothingofthekind")).text
        assert (await looker.get('/?q="*)(NEAR')).status == 200


async def test_details_show_what_was_sent(held: Path) -> None:
    async with looking(held) as looker:
        line = json.loads((await looker.get("/cdx?url=http://a.test/&output=json&limit=1")).text)
        answer = await looker.get(f"/capture/{line['filename']}/{line['offset']}")
        record = await looker.get(f"/record/{line['filename']}/{line['offset']}")
    assert "GET http://a.test/ HTTP/1.1" in answer.text
    assert "X-Odd: &lt;script&gt;\nX-Odd: 2" in answer.text
    assert answer.text.count("not in the archive") == 2  # lost.css and b.test
    assert line["filename"] in answer.text
    assert record.body.endswith(PAGE)
    assert record.headers["Content-Disposition"].startswith("attachment")


async def test_what_is_missing_is_listed_with_who_asks_and_why(held: Path) -> None:
    async with looking(held) as looker:
        text = (await looker.get("/missing")).text
    assert "http://a.test/lost.css" in text
    assert "http://a.test/i.png" not in text
    assert "http://dead.test/" in text
    assert "connect: refused" in text


async def test_captures_of_a_page_stand_on_a_timeline(held: Path) -> None:
    async with looking(held) as looker:
        answer = await looker.get("/url?url=http://a.test/")
        assert "2 captures" in answer.text
        assert answer.text.count("<circle") == 2
        assert (await looker.get("/url?url=http://nowhere.test/")).status == 404


async def test_no_page_of_the_application_holds_archived_markup(held: Path) -> None:
    async with looking(held) as looker:
        line = json.loads((await looker.get("/cdx?url=a.test/?*&output=json")).text.splitlines()[-1])
        place = f"/capture/{line['filename']}/{line['offset']}"
        pages = [await looker.get(url) for url in ("/?kind=all", place, "/?q=alert", "/view/2026/" + line["url"])]
        for page in pages:
            assert page.status in (200, 404)
            assert "<script>" not in page.text
            assert "\u202e" not in page.text
            assert "script-src 'self'" in page.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


async def test_the_cdx_server_answers_as_others_do(held: Path) -> None:
    async with looking(held) as looker:
        exact = (await looker.get("/cdx?url=a.test/&output=json")).text.splitlines()
        assert [json.loads(line)["timestamp"] for line in exact] == [AT, "20260102030545"]
        host = (await looker.get("/cdx?url=a.test&matchType=host&output=text&fl=timestamp,url,statuscode")).text
        assert f"{AT} http://a.test/ 200\n" in host
        assert "c.test" not in host
        assert "test,a)/ 20260102030405 {" in (await looker.get("/cdx?url=a.test/*")).text
        assert len((await looker.get("/cdx?url=*.test&limit=3&output=text")).text.splitlines()) == 3
        late = (await looker.get("/cdx?url=a.test/&from=202601020305&output=json")).text
        assert [json.loads(line)["timestamp"] for line in late.splitlines()] == ["20260102030545"]
        moved = (await looker.get("/cdx?url=*.test&filter==status:301&output=text")).text.splitlines()
        assert len(moved) == 2
        for wrong in (
            "",
            "?url=a&matchType=x",
            "?url=a&limit=x",
            "?url=a&output=x",
            "?url=a&filter=x",
            "?url=a&from=x",
        ):
            assert (await looker.get(f"/cdx{wrong}")).status == 400


async def test_memento_clients_find_their_way(held: Path) -> None:
    async with looking(held) as looker:
        gate = await looker.get("/timegate/http://a.test/", Accept_Datetime="Fri, 02 Jan 2026 04:00:00 GMT")
        assert (gate.status, gate.headers["Vary"]) == (302, "accept-datetime")
        assert gate.headers["Location"] == f"{looker.replay}/replay/20260102030545/http://a.test/"
        assert 'rel="first memento"' in gate.headers["Link"]
        times = await looker.get("/timemap/link/http://a.test/")
        assert times.headers["Content-Type"].startswith("application/link-format")
        assert times.text.count('memento"; datetime=') == 2
        assert (await looker.get("/timegate/http://a.test/", Accept_Datetime="yesterday")).status == 400
        assert (await looker.get("/timegate/http://nowhere.test/")).status == 404


async def test_a_package_is_offered_whole_and_in_parts(held: Path) -> None:
    (held / "crawl.wacz").write_bytes(bytes(range(100)))
    async with looking(held) as looker:
        assert 'href="/archive.wacz"' in (await looker.get("/")).text
        part = await looker.get("/archive.wacz", Range="bytes=10-12")
    assert (part.status, part.body) == (206, bytes([10, 11, 12]))


async def test_a_crawl_under_way_is_read_on_and_a_damaged_catalogue_made_anew(held: Path) -> None:
    (segment,) = (held / "archive").iterdir()
    data = segment.read_bytes()
    cut = [offset for offset, _, _ in members(segment)][10]
    growing = segment.rename(segment.with_name(f"{segment.name}.open"))
    growing.write_bytes(data[: cut + 5])
    catalogue_path(held).parent.mkdir(parents=True, exist_ok=True)
    catalogue_path(held).write_bytes(b"not a database" * 100)
    async with looking(held) as looker:
        assert (await looker.replayed("http://a.test/i.png", dest="image")).status == 200
        assert (await looker.replayed("http://a.test/zip")).status == 404
    growing.write_bytes(data)
    growing.rename(segment)
    async with looking(held) as looker:
        assert (await looker.replayed("http://a.test/zip")).status == 200
        assert "2 captures" in (await looker.get("/url?url=http://a.test/")).text
        assert "13 captures" in (await looker.get("/")).text


@pytest.mark.parametrize("cache", ["file", "nowhere", "unreadable"])
async def test_where_no_catalogue_can_be_kept_it_is_a_passing_one(
    held: Path, cache: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (segment,) = (held / "archive").iterdir()  # a file of records has its catalogue in the cache
    for name in ("temporary", "file/annals"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    if cache == "file":
        monkeypatch.setenv("XDG_CACHE_HOME", str(segment))
    elif cache == "nowhere":
        monkeypatch.setenv("XDG_CACHE_HOME", "")
        monkeypatch.setenv("HOME", "~")  # what a home is to Python where the user has none
    else:
        catalogue_path(segment).mkdir()
    async with looking(segment) as looker:
        assert (await looker.replayed("http://a.test/i.png", dest="image")).status == 200
        assert len(list((tmp_path / "temporary").iterdir())) == 1
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not Path("~").exists()


async def test_a_damaged_record_is_told_and_the_rest_is_shown(held: Path) -> None:
    (segment,) = (held / "archive").iterdir()
    async with looking(held) as looker:
        line = json.loads((await looker.get("/cdx?url=a.test/zip&output=json")).text)
        data = bytearray(segment.read_bytes())
        data[int(line["offset"]) + int(line["length"]) // 2] ^= 0xFF
        segment.write_bytes(data)
        answer = await looker.replayed("http://a.test/zip")
        assert answer.status == 502
        assert line["offset"] in answer.text
        assert (await looker.get(f"/capture/{line['filename']}/{line['offset']}")).status == 500
        assert (await looker.replayed("http://a.test/i.png", dest="image")).status == 200


async def test_behind_damage_reading_goes_on(held: Path) -> None:
    (segment,) = (held / "archive").iterdir()
    data = bytearray(segment.read_bytes())
    places = [offset for offset, _, _ in members(segment)]
    data[places[2] + 30] ^= 0xFF  # the first response
    segment.write_bytes(data)
    async with looking(held) as looker:
        assert (await looker.replayed("http://a.test/zip")).status == 200
        text = (await looker.get("/")).text
    assert f"at offset {places[2]}" in text


async def test_what_is_gone_from_the_archive_is_gone_from_the_catalogue(held: Path) -> None:
    async with looking(held) as looker:
        assert (await looker.replayed("http://a.test/zip")).status == 200
    (segment,) = (held / "archive").iterdir()
    segment.unlink()
    await archive(held, [Exchange("http://new.test/", b"<title>New</title>")])
    (other,) = (held / "archive").iterdir()
    other.rename(other.with_name("other.warc.gz"))
    async with looking(held) as looker:
        assert (await looker.replayed("http://a.test/zip")).status == 404
        assert (await looker.replayed("http://new.test/")).status == 200
        assert "1 capture," in (await looker.get("/")).text


async def test_headers_of_strangers_break_nothing(tmp_path: Path) -> None:
    odd = [
        Exchange("http://a.test/1", b"<p>one", type="text/html\x01\x7f; charset=nonsense\x02"),
        Exchange("http://a.test/2", status="302 Found", headers=["Location: javascript:alert(1)"]),
        Exchange("http://a.test/3", status="302 Found", headers=["Location: http://[broken"]),
        Exchange(
            "http://a.test/4", b"four", headers=["X\xe9: y", "X: \r\x00y\xe9", "Content-Length: 99", "Refresh: 0"]
        ),
        Exchange("http://a.test/5", b"five", status="999 Odd", headers=["Content-Encoding: gzip"]),
        Exchange("http://a.test/6", status="204 No Content"),
    ]
    async with looking(await archive(tmp_path / "crawl", odd)) as looker:
        answers = [await looker.replayed(each.url) for each in odd]
        lines = (await looker.get("/cdx?url=a.test/*&output=json")).text.splitlines()
        for line in map(json.loads, lines):
            assert (await looker.get(f"/capture/{line['filename']}/{line['offset']}")).status == 200
    assert [answer.status for answer in answers] == [200, 404, 404, 200, 200, 204]
    assert answers[4].body == b"five"


async def test_a_body_that_unpacks_to_a_flood_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.replay.bodies.LONGEST", 1 << 20)
    flood = Exchange("http://a.test/", gzip.compress(bytes(8 << 20)), "image/png", headers=["Content-Encoding: gzip"])
    async with looking(await archive(tmp_path / "crawl", [flood])) as looker:
        answer = await looker.replayed("http://a.test/", dest="image")
    assert len(answer.body) == 1 << 20


async def test_the_command_says_where_it_is_and_ends_in_peace(held: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "storage", "serve", str(held), "--port", "0", "--replay-port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        line = (await process.stdout.readline()).decode()
        address = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert address is not None, line
        async with aiohttp.ClientSession() as session, session.get(address[0]) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        _, told = await process.communicate()
    assert (process.returncode, told) == (0, b"")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["/nowhere/at/all"], 2, "/nowhere/at/all: there is no such file or directory"),
        ([".", "--port", "70000"], 2, "70000 is no port"),
        ([".", "--port", "9000", "--replay-port", "9000"], 2, "must differ"),
        (["EMPTY"], 1, "file in this directory"),
    ],
)
def test_what_cannot_be_served_is_said(
    words: list[str], code: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(tmp_path) if word == "EMPTY" else word for word in words]
    assert main(["serve", *given]) == code
    assert told in capsys.readouterr().err


def test_a_port_in_use_is_named(held: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", str(held), "--port", str(port)]) == 1
    assert f"cannot listen at 127.0.0.1 port {port}" in capsys.readouterr().err
