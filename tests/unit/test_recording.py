"""An attempt as records: which there are, how they name each other, what the metadata record tells and gives back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.archiving.metadata import metadata_text, outlinks_in
from crawler.archiving.recording import (
    IN_MEMORY,
    BodyBlock,
    recording_of,
    stored_span,
)
from crawler.capture import Capture
from crawler.frontier import Finished, RetryAt, Settled
from crawler.links import roles
from crawler.model import (
    REDIRECT,
    CrawlURL,
    Exchange,
    Extraction,
    Failure,
    FailureKind,
    Kind,
    MessageSpan,
    OutcomeKind,
    Outlink,
    Role,
    Truncation,
)
from storage import Block, Record, RecordType, Written
from tests.support.exchanges import NOON, BytesBody, answered, failed

URL = CrawlURL("http://a.test/", Kind.REQUISITE, 3, via="http://a.test/via", attempt=2)
ARCHIVED = Finished(OutcomeKind.ARCHIVED)
FAILED = Finished(OutcomeKind.FAILED, "it broke")


def capture(exchange: Exchange | None, disposition: Any = ARCHIVED, **changes: Any) -> Capture:
    return Capture(URL, disposition, NOON, exchange, **changes)


def records(exchange: Exchange, disposition: Any = ARCHIVED) -> tuple[Record, ...]:
    recording = recording_of(capture(exchange, disposition))
    assert recording is not None
    return recording.records


def block(of: Record) -> bytes:
    return of.block if isinstance(of.block, bytes) else b"".join(of.block.chunks())


def names(of: Record) -> list[str]:
    return [name for name, _ in of.fields]


class TestRecords:
    def test_an_answer_is_request_response_and_metadata(self) -> None:
        exchange = answered(peer="192.0.2.1", tls=("tls/1.3", "TLS_AES_256_GCM_SHA384"))
        recording = recording_of(capture(exchange))
        assert recording is not None
        request, response, metadata = recording.records
        assert [each.type for each in recording.records] == [
            RecordType.REQUEST, RecordType.RESPONSE, RecordType.METADATA,
        ]  # fmt: skip
        assert (recording.primary, recording.metadata) == (1, 2)
        assert block(request) == exchange.request
        assert exchange.response is not None
        assert block(response) == exchange.response.read(0, exchange.response.size)
        assert {each.date for each in recording.records} == {exchange.started}
        assert {each.target_uri for each in recording.records} == {exchange.url}
        assert len({each.id for each in recording.records}) == 3
        peer = [
            ("WARC-IP-Address", "192.0.2.1"), ("WARC-Protocol", "http/1.1"), ("WARC-Protocol", "tls/1.3"),
            ("WARC-Cipher-Suite", "TLS_AES_256_GCM_SHA384"),
        ]  # fmt: skip
        assert list(request.fields) == peer
        assert list(response.fields) == [*peer, ("WARC-Concurrent-To", request.id)]
        assert list(metadata.fields) == [("WARC-Concurrent-To", request.id)]
        assert (request.content_type, response.content_type, metadata.content_type) == (
            "application/http;msgtype=request", "application/http;msgtype=response", "application/warc-fields",
        )  # fmt: skip

    def test_interim_heads_stay_out_of_the_response_and_surplus_is_a_resource(self) -> None:
        received = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n\r\nbody" + b"surplus"
        start = received.index(b"HTTP/1.1 200")
        span = MessageSpan(start, received.index(b"body"), received.index(b"surplus"), False)
        exchange = answered(response=BytesBody(received), message=span)
        request, response, surplus, metadata = records(exchange)
        assert block(response) == received[start : span.end]
        assert response.payload is not None
        assert response.payload.head_end == span.head_end - start
        assert (surplus.type, block(surplus)) == (RecordType.RESOURCE, b"surplus")
        assert surplus.content_type == "application/octet-stream"
        assert surplus.fields == (("WARC-Concurrent-To", request.id),)
        assert rb"interim: HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" in block(metadata)

    @pytest.mark.parametrize("truncated", list(Truncation))
    def test_what_was_cut_off_says_so(self, truncated: Truncation) -> None:
        _, response, _ = records(answered(truncated=truncated), FAILED)
        assert ("WARC-Truncated", truncated.value) in response.fields

    def test_bytes_that_are_no_http_are_a_resource(self) -> None:
        exchange = answered(
            message=None, response=BytesBody(b"220 mail.test ESMTP"), failure=Failure(FailureKind.NOT_HTTP, "no HTTP")
        )
        recording = recording_of(capture(exchange, FAILED, failure=FailureKind.NOT_HTTP))
        assert recording is not None
        request, resource, metadata = recording.records
        assert (resource.type, block(resource)) == (RecordType.RESOURCE, b"220 mail.test ESMTP")
        assert (recording.primary, recording.metadata) == (1, 2)
        assert ("WARC-Concurrent-To", request.id) in resource.fields
        assert b"failure: not-http\r\nreason: no HTTP\r\n" in block(metadata)

    def test_no_answer_is_request_and_metadata_or_metadata_alone(self) -> None:
        asked = failed(FailureKind.TIMEOUT, "silence", request=b"GET / HTTP/1.1\r\n\r\n")
        request, metadata = records(asked, FAILED)
        assert metadata.fields == (("WARC-Concurrent-To", request.id),)
        recording = recording_of(capture(failed(FailureKind.DNS, "no such host"), FAILED))
        assert recording is not None
        [alone] = recording.records
        assert (alone.type, alone.fields) == (RecordType.METADATA, ())
        assert (recording.primary, recording.metadata) == (0, 0)
        assert b"reason: no such host\r\n" in block(alone)

    def test_an_answer_that_came_unasked_is_what_the_others_name(self) -> None:
        exchange = answered(request=b"", message=None, response=BytesBody(b"hello"))
        resource, metadata = records(exchange, FAILED)
        assert "WARC-Concurrent-To" not in names(resource)
        assert metadata.fields == (("WARC-Concurrent-To", resource.id),)

    def test_an_unanswered_attempt_that_is_repeated_is_not_kept_and_an_answered_one_is(self) -> None:
        again = RetryAt(5.0, "refused")
        assert recording_of(capture(failed(FailureKind.CONNECT), again)) is None
        empty = answered(response=BytesBody(b""), message=None, failure=Failure(FailureKind.DISCONNECT, "closed"))
        assert recording_of(capture(empty, again)) is None
        assert len(records(answered(503), RetryAt(5.0, "status 503"))) == 3

    def test_what_was_not_asked_is_kept_only_if_it_failed(self) -> None:
        for disposition in (Finished(OutcomeKind.EXCLUDED, "robots.txt"), Settled(), RetryAt(1.0, "x")):
            assert recording_of(capture(None, disposition)) is None
        recording = recording_of(capture(None, FAILED, failure=FailureKind.ROBOTS))
        assert recording is not None
        [metadata] = recording.records
        assert (metadata.date, metadata.target_uri) == (NOON, URL.url)
        assert b"failure: robots\r\nreason: it broke\r\n" in block(metadata)

    def test_a_spooled_body_is_not_taken_into_memory(self) -> None:
        head = b"HTTP/1.1 200 OK\r\n\r\n"
        data = head + b"x" * (IN_MEMORY + 1)
        body = BytesBody(data, spooled=True)
        exchange = answered(response=body, message=MessageSpan(0, len(head), len(data), False))
        response = records(exchange)[1]
        assert isinstance(response.block, BodyBlock)
        assert response.block.size == len(data)
        assert block(response) == data
        view: Block = BodyBlock(body, 5, 9)
        assert (view.size, b"".join(view.chunks())) == (4, data[5:9])

    def test_where_they_came_to_lie(self) -> None:
        recording = recording_of(capture(answered()))
        assert recording is not None
        written = [Written("s.warc.gz", n, 1, each.id, "", None) for n, each in enumerate(recording.records)]
        assert stored_span(recording, written) == (written[1], written[2])


class TestCapture:
    def test_its_weight_is_what_it_holds_in_memory(self) -> None:
        links = {f"http://a.test/{n}": roles.A_HREF for n in range(100)}
        outlinks = [Outlink(url, Kind.NAVIGATION, 1, 0, 0, 1) for url in links]
        empty = capture(answered(body=b"")).weight
        assert capture(answered(body=b"x" * 5000, content=b"")).weight == empty + 5000
        assert capture(answered(body=b"", content=b"x" * 5000)).weight == empty + 5000
        assert capture(answered(body=b""), extraction=Extraction(links), outlinks=outlinks).weight > empty + 20_000
        spooled = BytesBody(b"x" * 5000, spooled=True)
        assert capture(answered(body=b"", response=spooled)).weight < empty
        assert capture(None, FAILED).weight > 0

    def test_it_is_freed_once_and_twice(self) -> None:
        body = BytesBody(b"x")
        holding = capture(answered(response=body))
        holding.free()
        holding.free()
        assert body.closed == 2
        capture(None).free()


class TestMetadata:
    def test_what_it_tells(self) -> None:
        links = {"http://a.test/x": roles.A_HREF, "http://b.test/i.png": roles.embed("img/@src")}
        exchange = answered(total_ms=30, connect_ms=5, first_byte_ms=20, resent=1, redacted=("cookie",), verified=False)
        text = metadata_text(capture(exchange, extraction=Extraction(links, "A title", failure="too deep")), exchange)
        assert text.split("\r\n") == [
            "via: http://a.test/via",
            "depth: 3",
            "kind: requisite",
            "attempt: 2",
            "fetchTimeMs: 30",
            "connectTimeMs: 5",
            "firstByteTimeMs: 20",
            "resent: 1",
            "redacted: cookie",
            "certificate: not verified",
            "title: A title",
            "extraction: too deep",
            "outlink: http://a.test/x L a/@href",
            "outlink: http://b.test/i.png E img/@src",
            "",
        ]

    def test_a_retry_and_its_reason(self) -> None:
        text = metadata_text(capture(answered(503), RetryAt(5.0, "status 503")), answered(503))
        assert "\r\nretry: status 503\r\n" in text

    @given(st.text())
    def test_no_text_of_a_page_can_begin_a_line(self, text: str) -> None:
        exchange = answered(failure=Failure(FailureKind.INTERNAL, text))
        disposition = Finished(OutcomeKind.FAILED, text)
        whole = metadata_text(capture(exchange, disposition, extraction=Extraction({}, text, failure=text)), exchange)
        assert all(line.partition(": ")[0] in KNOWN for line in whole.split("\r\n") if line)
        assert whole.isprintable() or {c for c in whole if not c.isprintable()} == {"\r", "\n"}
        assert outlinks_in(whole.encode()) == {}

    def test_a_title_that_looks_like_a_link_is_none(self) -> None:
        title = "x\r\noutlink: http://evil.test/ L a/@href"
        text = metadata_text(capture(answered(), extraction=Extraction({}, title)), answered())
        assert outlinks_in(text.encode()) == {}

    def test_lone_surrogates_do_not_stop_the_archiver(self) -> None:
        text = metadata_text(capture(answered(), extraction=Extraction({}, "\ud800 title")), answered())
        assert b"title: \\ud800 title" in text.encode()


KNOWN = {"via", "depth", "kind", "attempt", "fetchTimeMs", "failure", "reason", "title", "extraction"}

ROLES = [
    roles.A_HREF,
    roles.LINK_HREF,
    roles.CSS_IMPORT,
    roles.CSS_URL,
    roles.META_REFRESH,
    roles.SITEMAP,
    REDIRECT,
    roles.embed("img/@srcset"),
    Role(Kind.GUESS, "script", "X"),
    roles.better(roles.A_HREF, roles.embed("img/@src")),
]


class TestOutlinksComeBack:
    @pytest.mark.parametrize("role", ROLES, ids=lambda role: f"{role.context}{'+' * role.embedded}")
    def test_each_role(self, role: Role) -> None:
        links = {"http://a.test/1": roles.A_HREF, "http://a.test/?q=%20": role, "http://a.test/3": roles.CSS_URL}
        text = metadata_text(capture(answered(), extraction=Extraction(links)), answered())
        found = outlinks_in(text.encode())
        assert found == links
        assert list(found) == list(links), "in the order of the document"

    @pytest.mark.parametrize(
        "line",
        ["outlink: http://a.test/", "outlink: http://a.test/ L", "outlink: http://a.test/ Z a/@href", "via: x L y"],
    )
    def test_lines_that_are_none(self, line: str) -> None:
        text = f"{line}\r\noutlink: http://b.test/ L a/@href\r\n"
        assert outlinks_in(text.encode()) == {"http://b.test/": roles.A_HREF}

    @given(st.binary(max_size=200))
    def test_any_bytes_are_read_without_an_error(self, data: bytes) -> None:
        outlinks_in(data)
        outlinks_in(b"outlink: " + data)
