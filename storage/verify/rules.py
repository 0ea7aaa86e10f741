"""What is verified: every rule by its stable name, how grave a breach is, and the clause it rests on. A value each.

Clauses are those of WARC 1.1 (ISO 28500:2017) unless another document is named. docs/verify.md repeats this table and
a test holds the two together.
"""

from __future__ import annotations

import enum

from msgspec import Struct


class Severity(enum.StrEnum):
    """How grave a finding is."""

    ERROR = "error"
    """Damage, loss, or a breach of a "shall"."""
    WARNING = "warning"
    """Legal, but some reader will stumble, or something referred to was not there to be checked."""
    NOTE = "note"
    """Worth knowing, nothing to mend: common practice beside the standard, or a check that could not be made."""


class Rule(enum.Enum):
    """name, severity, clause, meaning."""

    def __init__(self, label: str, severity: Severity, clause: str, meaning: str) -> None:
        self.label = label
        self.severity = severity
        self.clause = clause
        self.meaning = meaning

    # The file and its compression
    FRAME_DAMAGED = (
        "frame-damaged",
        Severity.ERROR,
        "annex D, RFC 1952",
        "a gzip member or Zstandard frame is damaged",
    )
    FILE_TORN = ("file-torn", Severity.ERROR, "4, annex D", "the file ends within a record")
    FILE_EMPTY = ("file-empty", Severity.ERROR, "4", "the file holds no record")
    FRAME_SHARED = ("frame-shared", Severity.WARNING, "annex D", "compressed by other units than one record each")
    PROVISIONAL = ("provisional", Severity.NOTE, "-", "the file is being written, or was left unsealed")
    ARC = ("arc", Severity.NOTE, "-", "an ARC file: its compression is checked, its records are not")

    # The grammar of a record
    NOT_A_RECORD = ("not-a-record", Severity.ERROR, "4", "bytes where a record should begin")
    VERSION = ("version", Severity.ERROR, "4", "neither WARC/1.0 nor WARC/1.1")
    VERSION_DRAFT = ("version-draft", Severity.WARNING, "4", "a draft of the standard")
    HEADER = ("header", Severity.ERROR, "4", "the header does not end, or is too long")
    LINE_END = ("line-end", Severity.ERROR, "4", "a header line that does not end with CR LF, or an empty one")
    FIELD_SYNTAX = ("field-syntax", Severity.ERROR, "4", "a header line that is no named field")
    CONTROL_CHARACTER = ("control-character", Severity.ERROR, "4", "a control character in a header line")
    NOT_UTF8 = ("not-utf8", Severity.ERROR, "4", "a header that is not UTF-8")
    RECORD_END = ("record-end", Severity.ERROR, "4", "a block that two line ends do not follow")
    RECORD_LENGTH = ("record-length", Severity.ERROR, "5.3", "a block shorter than its Content-Length")

    # Its fields
    FIELD_REPEATED = ("field-repeated", Severity.ERROR, "5.1", "a field given twice: perhaps one was injected")
    FIELD_MISSING = ("field-missing", Severity.ERROR, "5.2 to 5.5, 5.14, 5.18 to 5.21", "a mandatory field is missing")
    FIELD_FORBIDDEN = ("field-forbidden", Severity.ERROR, "5.7, 5.10 to 5.22", "a field this type may not have")
    RECORD_ID = ("record-id", Severity.ERROR, "5.2", "a record id that is no URI in angle brackets")
    CONTENT_LENGTH = ("content-length", Severity.ERROR, "5.3", "a length that is no number")
    DATE = ("date", Severity.ERROR, "5.4", "a date that is no UTC timestamp of W3C's profile")
    TYPE_UNKNOWN = ("type-unknown", Severity.WARNING, "5.5", "a type that is not the standard's: readers pass over it")
    CONTENT_TYPE = ("content-type", Severity.WARNING, "5.6", "a content type that is no media type")
    CONTENT_TYPE_MISSING = ("content-type-missing", Severity.NOTE, "5.6", "a block that does not say what it holds")
    ADDRESS = ("ip-address", Severity.ERROR, "5.10", "an address that is neither IPv4 nor IPv6")
    TARGET_URI = ("target-uri", Severity.ERROR, "5.14, RFC 3986", "a URI with white space in it")
    TARGET_URI_BRACKETS = (
        "target-uri-brackets",
        Severity.NOTE,
        "5.14",
        "a target URI in angle brackets, as wget writes",
    )
    PROFILE = ("profile", Severity.NOTE, "6.7", "a revisit by a profile that the standard does not define")
    SEGMENT_NUMBER = ("segment-number", Severity.ERROR, "5.20, 7", "a segment number that cannot be")

    # Its block
    DIGEST_SYNTAX = ("digest-syntax", Severity.ERROR, "5.8, 5.9", "a digest that is not algorithm:value")
    DIGEST_UNKNOWN = ("digest-unknown", Severity.WARNING, "5.8, 5.9", "a digest by an algorithm nobody knows")
    DIGEST_UNCHECKED = ("digest-unchecked", Severity.NOTE, "5.8, 5.9", "a digest by an algorithm not computed here")
    BLOCK_DIGEST = ("block-digest", Severity.ERROR, "5.8", "the block is not what its digest says")
    PAYLOAD_DIGEST = ("payload-digest", Severity.ERROR, "5.9, 6.3.2", "the payload is not what its digest says")
    PAYLOAD_FRAMED = ("payload-framed", Severity.NOTE, "5.9, 6.3.2", "the payload digest covers the chunk framing too")
    PAYLOAD_UNDEFINED = ("payload-undefined", Severity.NOTE, "4, 5.9", "a payload digest on a type without a payload")
    NOT_TRUNCATED = ("not-truncated", Severity.NOTE, "6.3.2", "an incomplete HTTP response without WARC-Truncated")

    # Records together
    RECORD_ID_REPEATED = ("record-id-repeated", Severity.ERROR, "5.2", "two records have one id")
    CONCURRENT_MISSING = ("concurrent-missing", Severity.NOTE, "5.7", "WARC-Concurrent-To names a record not found")
    CONCURRENT_DATE = ("concurrent-date", Severity.ERROR, "5.4, 5.7", "records of one capture have different dates")
    WARCINFO_MISSING = ("warcinfo-missing", Severity.NOTE, "5.16", "WARC-Warcinfo-ID names a record not found")
    WARCINFO_TYPE = ("warcinfo-type", Severity.ERROR, "5.16", "WARC-Warcinfo-ID names a record of another type")
    REFERRED_MISSING = ("referred-missing", Severity.NOTE, "5.11 to 5.13", "the record referred to is not found")
    REFERRED_OTHER = (
        "referred-other",
        Severity.ERROR,
        "5.11 to 5.13",
        "the record referred to has another URI or date",
    )
    REFERRED_REVISIT = ("referred-revisit", Severity.WARNING, "6.7", "a revisit refers to a revisit")
    REVISIT_DIGEST = ("revisit-digest", Severity.ERROR, "6.7.2", "a revisit's payload digest is not the original's")
    SEGMENTATION = ("segmentation", Severity.ERROR, "7", "the parts of a segmented record do not fit together")
    FILENAME = ("filename", Severity.NOTE, "5.17", "the file has another name than its warcinfo record says")

    # A crawl directory
    MANIFEST = ("manifest", Severity.ERROR, "archive-format.md", "a segment or the chain is not as the manifest says")
    MANIFEST_UNREADABLE = ("manifest-unreadable", Severity.ERROR, "archive-format.md", "a line that is no manifest row")
    UNLISTED = ("unlisted", Severity.ERROR, "archive-format.md", "a sealed segment that the manifest does not name")
    LEDGER = ("ledger", Severity.ERROR, "archive-format.md", "crawl.db and the files contradict each other")
    INDEX = ("index", Severity.ERROR, "CDXJ", "an index line that no record bears out, or a record without its line")
    INDEX_ORDER = ("index-order", Severity.ERROR, "CDXJ", "index lines out of order")
    INDEX_MISSING = ("index-missing", Severity.WARNING, "CDXJ", "a segment without its index")
    LOG = ("log", Severity.ERROR, "archive-format.md", "a line of urls.jsonl is no line, or names what is not there")
    LOG_SEQUENCE = (
        "log-sequence",
        Severity.ERROR,
        "archive-format.md",
        "outcomes are missing or repeated in urls.jsonl",
    )
    PAGES = ("pages", Severity.ERROR, "WACZ 1.1.1", "a line of a page list is no page, or names what is not there")

    # A package
    PACKAGE = ("package", Severity.ERROR, "WACZ 1.1.1, APPNOTE", "the ZIP file is damaged or lacks what it must have")
    PACKAGE_DIGEST = ("package-digest", Severity.ERROR, "WACZ 1.1.1", "a file is not what the data package says")
    PACKAGE_LIST = ("package-list", Severity.ERROR, "WACZ 1.1.1", "files and the data package's list differ")
    PACKAGE_STORED = ("package-stored", Severity.WARNING, "WACZ 1.1.1", "a WARC file that is compressed once more")


class Finding(Struct, frozen=True):
    """A breach of a rule, and where."""

    rule: Rule
    file: str
    message: str
    offset: int | None = None
    """Where in the file the record (compressed: its member) begins; None for what concerns the whole file."""
    record_id: str | None = None
    severity: Severity = Severity.ERROR
    """The rule's, unless what surrounds the file makes it graver or lighter."""

    def __str__(self) -> str:
        place = self.file if self.offset is None else f"{self.file} at {self.offset}"
        record = f" {self.record_id}" if self.record_id else ""
        return f"{self.severity}: {place}{record}: {self.rule.label}: {self.message}"


def finding(rule: Rule, file: str, message: str, offset: int | None = None, record_id: str | None = None) -> Finding:
    """A finding of the rule's own severity."""
    return Finding(rule, file, message, offset, record_id, rule.severity)
