"""What archived pages need and the archive lacks is found, and fetched; nothing else is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from crawler.cli import main
from crawler.commandline.configfile import read_config, write_config
from storage import Archive
from storage.cli import main as verify
from tests.support.archive_check import read_log
from tests.support.site import Site, response

Captured = pytest.CaptureFixture[str]
QUICK = ["--quiet", "--delay", "0", "--min-free-disk", "0", "--no-sitemaps", "--retries", "0"]
PNG = response(b"\x89PNG", "image/png")


def site() -> Site:
    """Three pages; a style sheet with an image of its own, a redirected image, one for each page."""
    both = '<link rel=stylesheet href="/s.css">'
    return Site(
        {
            "/": response(f'<title>0</title>{both}<a href="/1">1</a><a href="/2">2</a><img src="/0.png">'.encode()),
            "/1": response(f'<title>1</title>{both}<img src="/1.png"><img src="/moved.png">'.encode()),
            "/2": response(b"<title>2</title>no more"),
            "/s.css": response(b"body { background: url(/back.png) }", "text/css"),
            "/moved.png": b"HTTP/1.1 302 Found\r\nLocation: /new.png\r\nContent-Length: 0\r\n\r\n",
            **dict.fromkeys(("/0.png", "/1.png", "/back.png", "/new.png"), PNG),
        }
    )


def crawl(served: Site, directory: Path, *options: str) -> int:
    return main([f"{served.root}/", "--output", str(directory), *QUICK, *options])


def audited(directory: Path, captured: Captured) -> tuple[int, dict[str, list[dict[str, object]]], dict[str, object]]:
    """Exit code, what is missing by document, and the figures."""
    captured.readouterr()
    code = main(["audit", str(directory), "--json"])
    *documents, figures = map(json.loads, captured.readouterr().out.splitlines())
    return code, {document["url"]: document["missing"] for document in documents}, figures


def test_a_complete_archive_lacks_nothing(crawl_dir: Path, capsys: Captured) -> None:
    with site() as served:
        assert crawl(served, crawl_dir) == 0
        before = served.requests.copy()
        code, missing, figures = audited(crawl_dir, capsys)
        assert (code, missing) == (0, {})
        assert figures["captured"] == 6
        assert figures["completeness"] == 1.0
        assert main(["audit", str(crawl_dir)]) == 0
        assert capsys.readouterr().out == ("5 documents need 6 requisites; 6 of them (100.0 %) are in the archive.\n")
        assert main(["patch", str(crawl_dir)]) == 0
        assert capsys.readouterr().out == f"{crawl_dir}: nothing is missing.\n"
        assert served.requests == before


def test_what_was_never_asked_for_is_found_and_fetched_with_all_it_needs(crawl_dir: Path, capsys: Captured) -> None:
    with site() as served:
        assert crawl(served, crawl_dir, "--exclude", r"\.(png|css)$") == 0
        config = crawl_dir / "crawl.toml"
        write_config(config, replace(read_config(config), exclude=()))  # as if the rule had not been there

        code, missing, figures = audited(crawl_dir, capsys)
        assert code == 1
        urls = {page: {str(each["url"]) for each in needs} for page, needs in missing.items()}
        root = served.root
        assert urls == {
            f"{root}/": {f"{root}/s.css", f"{root}/0.png"},
            f"{root}/1": {f"{root}/s.css", f"{root}/1.png", f"{root}/moved.png"},
        }
        assert {each["standing"] for needs in missing.values() for each in needs} == {"unknown"}
        assert (figures["captured"], figures["missing"], figures["completeness"]) == (0, 4, 0.0)

        pages = {path: served.requests[path] for path in ("/", "/1", "/2")}
        assert main(["patch", str(crawl_dir), *QUICK]) == 0
        assert {path: served.requests[path] for path in pages} == pages
        assert audited(crawl_dir, capsys)[0] == 0
        with Archive.open(crawl_dir) as archive:
            for name in ("s.css", "0.png", "1.png", "moved.png", "new.png", "back.png"):
                assert archive.get(f"{root}/{name}") is not None, name
        assert verify(["verify", str(crawl_dir)]) == 0
        via = {line["url"]: line["via"] for line in read_log(crawl_dir)}
        assert via[f"{root}/1.png"] == f"{root}/1"
        assert via[f"{root}/back.png"] == f"{root}/s.css"


def test_what_failed_is_offered_again_and_a_failed_page_is_not(crawl_dir: Path, capsys: Captured) -> None:
    with site() as served:
        served.answers["/1.png"] = served.answers["/2"] = b"no HTTP at all\r\n\r\n"
        assert crawl(served, crawl_dir) == 0
        code, missing, _ = audited(crawl_dir, capsys)
        [(page, [need])] = missing.items()
        assert (code, page, need["standing"]) == (1, f"{served.root}/1", "failed")
        assert main(["audit", str(crawl_dir)]) == 1
        told = capsys.readouterr().out
        assert f"{served.root}/1\n  {served.root}/1.png  (failed: " in told
        assert told.endswith(f"To fetch what is missing:\n  python -m crawler patch {crawl_dir}\n")

        served.answers["/1.png"] = PNG
        asked = served.requests["/2"]
        assert main(["patch", str(crawl_dir), *QUICK]) == 0
        assert served.requests["/2"] == asked
        assert audited(crawl_dir, capsys)[:2] == (0, {})
        assert verify(["verify", str(crawl_dir)]) == 0


def test_a_patch_is_done_though_no_seed_had_answered_whole(crawl_dir: Path, capsys: Captured) -> None:
    style, long = response(b"body { background: url(/back.png) }", "text/css"), response(b"x" * 500, "image/png")
    page = response(b'<link rel=stylesheet href="/s.css">' + b" " * 500)
    with Site({"/": page, "/s.css": style, "/back.png": long}) as served:
        assert crawl(served, crawl_dir, "--max-body", "400", "--max-depth", "0") == 1
        assert audited(crawl_dir, capsys)[0] == 1
        assert main(["patch", str(crawl_dir), "--max-body", "1000"]) == 0
        told = capsys.readouterr()
        assert told.err == ""
        assert "To try again what failed:" in told.out
        assert audited(crawl_dir, capsys)[0] == 0


def test_pages_that_are_queued_stay_queued(crawl_dir: Path, capsys: Captured) -> None:
    with site() as served:
        served.answers["/0.png"] = b"no HTTP at all\r\n\r\n"
        assert crawl(served, crawl_dir, "--max-pages", "1") == 0
        served.answers["/0.png"] = PNG
        capsys.readouterr()
        assert main(["patch", str(crawl_dir), *QUICK[1:], "--max-pages", "9"]) == 0
        told = capsys.readouterr().out
        assert told.startswith("Stopped: only requisites were asked for (")
        assert told.endswith(f"Go on with:\n  python -m crawler --output {crawl_dir}\n")
        assert served.requests["/1"] == served.requests["/2"] == 0
        assert served.requests["/0.png"] == 2
        assert crawl(served, crawl_dir) == 0
        assert served.requests["/1"] == served.requests["/2"] == 1
        assert audited(crawl_dir, capsys)[0] == 0


def test_what_fails_again_is_tried_again_by_the_crawl(crawl_dir: Path, capsys: Captured) -> None:
    with site() as served:
        served.answers["/0.png"] = b"no HTTP at all\r\n\r\n"
        assert crawl(served, crawl_dir) == 0
        capsys.readouterr()
        assert main(["patch", str(crawl_dir), *QUICK[1:]]) == 0
        line = f"--output {crawl_dir} --retry-failed"
        assert capsys.readouterr().out.endswith(f"To try again what failed:\n  python -m crawler {line}\n")
        served.answers["/0.png"] = PNG
        assert main(line.split()) == 0
        assert audited(crawl_dir, capsys)[:2] == (0, {})


def test_a_requisite_left_out_by_robots_is_told_and_is_not_missing(crawl_dir: Path, capsys: Captured) -> None:
    with site() as served:
        served.answers["/robots.txt"] = response(b"User-agent: *\nDisallow: /back.png\n", "text/plain")
        assert crawl(served, crawl_dir) == 0
        code, missing, figures = audited(crawl_dir, capsys)
        assert (code, missing, figures["excluded"]) == (0, {}, {"robots.txt": 1})


def test_a_record_that_is_gone_is_told(crawl_dir: Path, capsys: Captured) -> None:
    with site() as served:
        assert crawl(served, crawl_dir) == 0
    [segment] = (crawl_dir / "archive").iterdir()
    segment.write_bytes(segment.read_bytes()[:-1500])
    assert main(["audit", str(crawl_dir), "--quiet"]) == 1
    told = capsys.readouterr().out
    assert "cannot be read; python -m storage verify tells more." in told
    assert "%" not in told, "who knows what they need?"
    assert audited(crawl_dir, capsys)[2]["completeness"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["audit"], "audit: the following arguments are required: DIR"),
        (["audit", "nowhere"], "nowhere: holds no crawl"),
        (["patch"], "patch: names no crawl directory"),
        (["patch", "nowhere"], "nowhere: holds no crawl"),
        (["patch", "--delay", "1"], "patch: --delay: the crawl directory comes first"),
        (["patch", ".", "--fresh"], "patch: --fresh is no part of a patch"),
        (["patch", ".", "--output=x"], "patch: --output is no part of a patch"),
        (["patch", ".", "https://example.com/"], "patch: https://example.com/: a patch takes no seeds"),
        (["patch", ".", "--delay", "soon"], "--delay: 'soon' is not a time"),
    ],
)
def test_wrong_words(
    words: list[str], said: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "crawl.db").touch()
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    [line] = captured.err.splitlines()
    assert line.startswith(f"crawler: {said}")


def test_help_is_told(capsys: Captured) -> None:
    assert main(["patch", "--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: python -m crawler patch DIR")
    with pytest.raises(SystemExit):
        main(["audit", "--help"])
    assert "python -m crawler patch DIR" in capsys.readouterr().out
