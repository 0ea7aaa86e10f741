"""When a signed URL ceases to work, by the forms that stores and content networks use."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.expiry import EARLIEST, LATEST, expiry_of

A = "https://a.test/file.mp4"
TOKEN = ".".join(
    base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
    for part in ({"alg": "HS256"}, {"sub": "x", "exp": 1_700_000_000.5}, {"s": 1})
)


@pytest.mark.parametrize(
    ("query", "moment"),
    [
        (
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20231114T221320Z&X-Amz-Expires=900&X-Amz-Signature=0",
            1700000900,
        ),
        ("x-amz-expires=60&x-amz-date=20231114T221320Z", 1_700_000_060),
        ("X-Goog-Date=20231114T221320Z&X-Goog-Expires=3600&X-Goog-Signature=1", 1_700_003_600),
        ("AWSAccessKeyId=AK&Expires=1700000000&Signature=vj%2Bx", 1_700_000_000),
        ("Expires=1700000000&Signature=a~b_&Key-Pair-Id=K", 1_700_000_000),
        ("sv=2022-11-02&se=2023-11-14T22%3A13%3A20Z&sr=b&sp=r&sig=x", 1_700_000_000),
        ("se=2023-11-14T23:13:20+01:00&sig=x", 1_700_000_000),
        ("se=2023-11-14&sig=x", 1_699_920_000),
        ("expire=1700000000&ei=x", 1_700_000_000),
        ("exp=1700000000&sig=x", 1_700_000_000),
        ("expires_at=1700000000123", 1_700_000_000),
        ("oh=00_Af&oe=6553F100&_nc_sid=1", 1_700_000_000),
        ("ex=6553f100&is=6552&hm=1", 1_700_000_000),
        ("hdnts=st=1699999000~exp=1700000000~acl=/*~hmac=ab", 1_700_000_000),
        ("token=exp%3D1700000000~hmac%3Dab", 1_700_000_000),
        (f"token={TOKEN}", 1_700_000_000),
        ("a=1;Expires=1700000000", 1_700_000_000),
        ("exp=1700000500&Expires=1700000000", 1_700_000_000),
    ],
)
def test_the_moment_is_found(query: str, moment: int) -> None:
    assert expiry_of(f"{A}?{query}") == moment


@pytest.mark.parametrize(
    "query",
    [
        "", "q=1", "Expires=", "Expires=0", "Expires=12", "Expires=99999999999", "Expires=-1700000000",
        "Expires=1.7e9", "Expires=never", "exp=²", "exp=١٧٠٠٠٠٠٠٠٠", "se=en", "se=17", "se=9999-99-99T00:00:00Z",
        "X-Amz-Expires=900", "X-Amz-Date=20231114T221320Z", "X-Amz-Date=20239914T221320Z&X-Amz-Expires=900",
        "X-Amz-Date=20231114T221320Z&X-Amz-Expires=soon", "oe=UTF-8", "ex=zzzzzzzz", "token=abc", "token=eyJ.eyJ.x",
        "token=eyJhIjoxfQ.W10.x", f"token=eyJ.{'A' * 4000}.x", "next=/?Expires", "se=" + "9" * 4000,
    ],
)  # fmt: skip
def test_anything_else_names_none(query: str) -> None:
    assert expiry_of(f"{A}?{query}") is None


@pytest.mark.parametrize("url", [A, "https://a.test/exp=1700000000", f"{A}#?Expires=1700000000"])
def test_only_the_query_is_looked_at(url: str) -> None:
    assert expiry_of(url) is None


@given(st.text(max_size=200) | st.from_regex(r"(\?|&|;)(Expires|se|oe|token|X-Amz-Date)=[\x21-\x7e]{0,60}"))
def test_any_text_is_read_without_an_error(text: str) -> None:
    moment = expiry_of(f"{A}?a=1{text}")
    assert moment is None or EARLIEST <= moment < LATEST
