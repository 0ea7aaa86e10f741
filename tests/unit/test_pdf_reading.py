"""What a PDF refers to: documents written by hand, and real ones of Debian packages."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from pypdf import PdfWriter

from crawler.pdf.links import as_followed
from crawler.pdf.reading import Reading, Unreadable
from tests.support import pdfs


def read(document: bytes) -> tuple[list[tuple[str, str]], Reading]:
    reading = Reading(io.BytesIO(document))
    return list(reading.references()), reading


def catalog_with(*objects: str, catalog: str = "") -> bytes:
    """One empty page, and objects numbered from 4."""
    return pdfs.pdf(
        [
            f"<< /Type /Catalog /Pages 2 0 R {catalog} >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R >>",
            *objects,
        ]
    )


def test_annotations_in_their_order() -> None:
    found, reading = read(pdfs.linking("http://a.test/x", "../y.html", r"http://a.test/\(z\)"))
    assert found == [("pdf/uri", "http://a.test/x"), ("pdf/uri", "../y.html"), ("pdf/uri", "http://a.test/(z)")]
    assert (reading.base, reading.title, reading.damage) == (None, None, None)


def test_base_and_title() -> None:
    document = pdfs.linking("x", catalog="/URI << /Base (http://b.test/d/) >>", info="/Title (A \n document)")
    found, reading = read(document)
    assert found == [("pdf/uri", "x")]
    assert (reading.base, reading.title) == ("http://b.test/d/", "A document")


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("/S /GoToR /F (other.pdf) /D [0 /Fit]", [("pdf/goto", "other.pdf")]),
        ("/S /GoToR /F << /FS /URL /F (http://a.test/f.pdf) >>", [("pdf/goto", "http://a.test/f.pdf")]),
        ("/S /GoToR /F << /Type /Filespec /F (f.pdf) /UF (u.pdf) >>", [("pdf/goto", "u.pdf")]),
        ("/S /Launch /F (setup.exe)", []),
        ("/S /JavaScript /JS (app.launchURL\\('http://a.test/'\\))", []),
        ("/S /SubmitForm /F (http://a.test/form)", []),
        ("/S /Named /N /NextPage /Next << /S /URI /URI (n) >>", [("pdf/uri", "n")]),
        ("/S /URI /URI (1) /Next [<< /S /URI /URI (2) >> << /S /URI /URI (3) >>]",
         [("pdf/uri", "1"), ("pdf/uri", "2"), ("pdf/uri", "3")]),
        ("/S /URI /URI <687474703a2f2f612e746573742f68>", [("pdf/uri", "http://a.test/h")]),
        ("/S /URI /URI 17", []),
        ("/S /URI", []),
    ],
)  # fmt: skip
def test_actions(action: str, expected: list[tuple[str, str]]) -> None:
    page = "<< /Type /Page /Parent 2 0 R /Annots 4 0 R >>"
    pages = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    catalog = "<< /Type /Catalog /Pages 2 0 R >>"
    assert read(pdfs.pdf([catalog, pages, page, f"[{pdfs.annotation(action)}]"]))[0] == expected


def test_the_outline_even_in_a_circle() -> None:
    document = catalog_with(
        "<< /Type /Outlines /First 5 0 R /Last 6 0 R >>",
        "<< /Title (One) /Next 6 0 R /First 7 0 R /A << /S /URI /URI (1) >> >>",
        "<< /Title (Two) /Next 5 0 R /A << /S /URI /URI (2) >> >>",
        "<< /Title (Three) /Next 4 0 R /A 8 0 R >>",
        "<< /S /URI /URI (3) /Next 8 0 R >>",
        catalog="/Outlines 4 0 R",
    )
    assert sorted({address for _, address in read(document)[0]}) == ["1", "2", "3"]
    assert {context for context, _ in read(document)[0]} == {"pdf/outline"}


@pytest.mark.parametrize(
    ("algorithm", "password", "expected"),
    [("RC4-128", "", True), ("AES-128", "", True), ("AES-256", "", True), ("AES-256", "secret", False)],
)
def test_encrypted(algorithm: str, password: str, expected: bool) -> None:
    writer = PdfWriter(clone_from=io.BytesIO(pdfs.linking("http://a.test/x")))
    writer.encrypt(password, "owner", algorithm=algorithm)
    out = io.BytesIO()
    writer.write(out)
    if expected:
        assert read(out.getvalue())[0] == [("pdf/uri", "http://a.test/x")]
    else:
        with pytest.raises(Unreadable, match="encrypted with a password"):
            read(out.getvalue())


def test_a_damaged_annotation_costs_itself() -> None:
    document = pdfs.linking("http://a.test/1", "http://a.test/2", "http://a.test/3")
    damaged = document.replace(b"/URI (http://a.test/2)", b"/URI (http://a.test)2>")
    assert [address for _, address in read(damaged)[0]][::2] == ["http://a.test/1", "http://a.test/3"]


def test_what_is_left_of_a_torn_one() -> None:
    whole = pdfs.linking(*(f"http://a.test/{number}" for number in range(9)))
    found: list[tuple[str, str]] = []
    with pytest.raises(Unreadable, match="cannot be read"):
        found.extend(Reading(io.BytesIO(whole[: whole.index(b"xref")])).references())
    assert found == [("pdf/uri", f"http://a.test/{number}") for number in range(9)]


@pytest.mark.parametrize(
    "document",
    [pdfs.pages_in_a_circle(), pdfs.deeply_nested(), pdfs.bomb(256 << 20), pdfs.endless(), b"", b"%PDF-1.7\n"],
    ids=["pages", "nested", "bomb", "endless", "empty", "head"],
)
def test_hostile_ones_end(document: bytes) -> None:
    reading = Reading(io.BytesIO(document))
    try:
        assert list(reading.references()) == []
    except Unreadable:
        return
    assert reading.damage


def test_tables_in_a_circle_do_not_matter() -> None:
    assert read(pdfs.tables_in_a_circle())[0] == [("pdf/uri", "http://a.test/x")]


@pytest.mark.parametrize(
    ("path", "address", "count"),
    [
        ("/usr/share/doc/sqlite3/copyright-release.pdf", None, 0),
        ("/usr/share/doc/libtasn1-doc/libtasn1.pdf", "http://www.gnu.org/copyleft/", 3),
        ("/usr/share/doc/valgrind/valgrind_manual.pdf.gz", "http://www.valgrind.org/info/developers.html", 29),
    ],
)
def test_real_ones(path: str, address: str | None, count: int) -> None:
    if not Path(path).exists():
        pytest.skip(f"{path} is not here")  # whichever are, by what else is installed
    data = Path(path).read_bytes()
    found, reading = read(gzip.decompress(data) if path.endswith(".gz") else data)
    assert len({each for _, each in found}) == count
    assert address is None or ("pdf/uri", address) in found
    assert reading.damage is None


@pytest.mark.parametrize(
    ("written", "followed"),
    [
        ("www.example.com", "http://www.example.com"),
        ("www.example.com/a", "http://www.example.com/a"),
        ("example.com/a", "example.com/a"),
        ("chapter.html", "chapter.html"),
        ("./a.b.c", "./a.b.c"),
        ("/a.b.c", "/a.b.c"),
        ("#part", "#part"),
        ("https://example.com", "https://example.com"),
        ("mailto:a@b.c.d", "mailto:a@b.c.d"),
    ],
)
def test_addresses_are_taken_as_a_viewer_takes_them(written: str, followed: str) -> None:
    assert as_followed(written) == followed
