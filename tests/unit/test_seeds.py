from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import UsageError
from crawler.seeds import gather_seeds, is_url, parse_seeds


def _lines(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def test_comments_blank_lines_and_missing_schemes() -> None:
    data = _lines(
        "# a comment",
        "",
        "   ",
        "http://a.test/",
        "  b.test/path  # behind a URL",
        "\t# indented",
        "https://c.test/x#fragment",
    )
    seeds = parse_seeds(data, "seeds.txt")
    assert seeds[:2] == ("http://a.test/", "https://b.test/path")
    assert seeds[2].startswith("https://c.test/x")
    assert len(seeds) == 3


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_end_of_line_and_a_byte_order_mark(end: str) -> None:
    data = b"\xef\xbb\xbf" + end.join(["http://a.test/", "http://b.test/", ""]).encode()
    assert parse_seeds(data, "seeds.txt") == ("http://a.test/", "http://b.test/")


def test_duplicates_are_dropped_in_order() -> None:
    data = _lines("http://b.test/", "http://a.test/", "http://b.test", "HTTP://B.test/")
    assert parse_seeds(data, "seeds.txt") == ("http://b.test/", "http://a.test/")


def test_a_bad_line_is_named_with_its_number() -> None:
    with pytest.raises(UsageError) as caught:
        parse_seeds(_lines("http://a.test/", "", "ftp://b.test/", "http://c.test/", "http://"), "my seeds.txt")
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == ["my seeds.txt:3", "my seeds.txt:5"]


@pytest.mark.parametrize(("bad", "last"), [(20, "s:20: "), (21, "and one more line"), (45, "and 25 more lines")])
def test_at_most_twenty_bad_lines_are_told(bad: int, last: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_seeds(b"ftp://a.test/\n" * bad, "s")
    lines = str(caught.value).splitlines()
    assert len(lines) == min(bad, 21)
    assert lines[-1].startswith(last)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "s: holds no URL"),
        (b"# nothing\n\n", "s: holds no URL"),
        (b"\x7fELF\x00\x01", "s: is a binary file"),
        ("http://a.test/\n".encode("utf-16"), "s: is UTF-16 text; save it as UTF-8"),
        (b"http://a.test/\nhttp://b.test/caf\xe9\n", "s:2: is not UTF-8 text"),
        (b"\xe9", "s:1: is not UTF-8 text"),
    ],
)
def test_what_is_no_list_of_urls(data: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}"):
        parse_seeds(data, "s")


@given(st.binary(max_size=200))
def test_anything_is_either_urls_or_a_complaint(data: bytes) -> None:
    try:
        seeds = parse_seeds(data, "s")
    except UsageError as error:
        assert str(error).startswith("s:")  # noqa: PT017 - both ends are right
    else:
        assert seeds
        assert all(seed.startswith(("http://", "https://")) for seed in seeds)


def test_files_urls_and_standard_input_together(tmp_path: Path) -> None:
    path = tmp_path / "seeds.txt"
    path.write_text("http://a.test/\nhttp://b.test/\n")
    stdin = io.BytesIO(b"http://c.test/\nhttp://a.test/\n")
    seeds = gather_seeds([str(path), "-", "d.test", "http://b.test/"], stdin)
    assert seeds == ("http://a.test/", "http://b.test/", "http://c.test/", "https://d.test/")


def test_standard_input_is_named_in_complaints() -> None:
    with pytest.raises(UsageError, match=r"^standard input:2: "):
        gather_seeds(["-"], io.BytesIO(b"http://a.test/\nftp://b.test/\n"))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for name, message in [
        (tmp_path / "no.txt", "there is no such file"),
        (tmp_path, "is a directory, not a file of URLs"),
        (tmp_path / "x" / "no.txt", "there is no such file"),
        ("nul\0", "cannot be the name of a file"),
        ("a" * 300, "cannot be read: File name too long"),
    ]:
        with pytest.raises(UsageError) as caught:
            gather_seeds([str(name)], io.BytesIO())
        assert message in str(caught.value)


@pytest.mark.parametrize(
    ("argument", "url"),
    [
        ("http://a.test/", True),
        ("example.com", True),
        ("example.com/seeds.txt", True),
        ("example.com:8080/", True),
        ("localhost:8000", True),
        ("127.0.0.1", True),
        ("[::1]:80/x", True),
        ("seeds.txt", False),
        ("my.list", False),
        ("seeds", False),
        ("dir/seeds.txt", False),
        ("./example.com", False),
        ("/etc/hosts", False),
    ],
)
def test_what_is_taken_for_a_url(argument: str, url: bool) -> None:
    assert is_url(argument) is url


def test_a_file_that_is_there_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("example.com").write_text("http://a.test/\n")
    assert gather_seeds(["example.com"], io.BytesIO()) == ("http://a.test/",)
