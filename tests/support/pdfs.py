"""PDF documents written by hand (ISO 32000-1), well-formed and hostile, without the library that is to read them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence


def pdf(objects: Sequence[bytes | str], *, trailer: str = "") -> bytes:
    """Objects numbered from 1, the first being the catalog, with their cross-reference table (section 7.5)."""
    out = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body if isinstance(body, bytes) else body.encode("latin-1"))
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R %b >>\n" % (len(offsets) + 1, trailer.encode())
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def stream(data: bytes, more: str = "") -> bytes:
    """A stream object, compressed."""
    packed = zlib.compress(data, 9)
    return b"<< /Length %d /Filter /FlateDecode %b >>\nstream\n%b\nendstream" % (len(packed), more.encode(), packed)


def annotation(action: str) -> str:
    return f"<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /A << {action} >> >>"


def linking(*addresses: str, catalog: str = "", info: str = "") -> bytes:
    """One page whose annotations lead to the addresses."""
    annotations = [annotation(f"/S /URI /URI ({address})") for address in addresses]
    numbers = " ".join(f"{number} 0 R" for number in range(4, 4 + len(annotations)))
    page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Annots [{numbers}] >>"
    objects = [f"<< /Type /Catalog /Pages 2 0 R {catalog} >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page]
    if info:
        return pdf([*objects, *annotations, f"<< {info} >>"], trailer=f"/Info {4 + len(annotations)} 0 R")
    return pdf([*objects, *annotations])


def pages_in_a_circle() -> bytes:
    return pdf(
        ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 9 >>",
         "<< /Type /Pages /Kids [2 0 R] /Count 9 /Parent 2 0 R >>"]
    )  # fmt: skip


def tables_in_a_circle() -> bytes:
    """A cross-reference table whose predecessor is itself."""
    whole = linking("http://a.test/x")
    start = whole[whole.rindex(b"startxref\n") + 10 :].split()[0].decode()
    return whole.replace(b"/Root 1 0 R", f"/Root 1 0 R /Prev {start}".encode())


def deeply_nested(depth: int = 200_000) -> bytes:
    return pdf(
        ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
         "<< /Type /Page /Annots " + "[" * depth + "]" * depth + " >>"]
    )  # fmt: skip


def bomb(size: int = 1 << 30) -> bytes:
    """An object stream (section 7.5.7) of which each kilobyte unpacks to a megabyte; the pages are said to be in it."""
    packer = zlib.compressobj(9)
    piece = b" " * (1 << 20)
    packed = b"".join(packer.compress(piece) for _ in range(size >> 20)) + packer.flush()
    container = b"<< /Type /ObjStm /N 1 /First 4 /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (
        len(packed),
        packed,
    )
    body = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
    at = len(body)
    body += b"3 0 obj\n%b\nendobj\n" % container
    start = len(body)
    entries = [(0, 0, 65535), (1, 9, 0), (2, 3, 0), (1, at, 0), (1, start, 0)]
    rows = b"".join(struct.pack(">BIH", *entry) for entry in entries)
    table = stream(rows, "/Type /XRef /Size 5 /W [1 4 2] /Root 1 0 R")
    return body + b"4 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF\n" % (table, start)


def endless(count: int = 3_000_000) -> bytes:
    """A page that refers to one annotation very often: small, and long to read."""
    return pdf(
        ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
         "<< /Type /Page /Annots [" + "4 0 R " * count + "] >>", annotation("/S /URI /URI (http://a.test/x)")]
    )  # fmt: skip
