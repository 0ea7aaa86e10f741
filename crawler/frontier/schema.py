"""The tables of crawl.db, format 4.

    seen      every accepted URL, by (origin, 64-bit hash of the URL): 18 bytes a URL, no text.
              `place` < 0: queued or waiting under id -place; `place` > 0: its outcome's seq; 0: only reserved.
    queue     what may be fetched, in the order it should be: (origin, lane, id). Rows are deleted when the URL is
              settled, not when it is claimed, so a crash offers what was in flight again by itself. A lane is a whole
              number, or a real one just below it for a URL that expires.
    waiting   the same, held back until `due` (retries).
    ledger    one row an outcome; `seq` has no gaps. `again`: a fetch beyond the outcome was queued. `time`, `fetched`,
              `archived`: when it was asked for, when its answer was there, when it was durable.
    attempts  attempts that did not settle their URL (retries, fetches beyond the outcome).
    segments  the archive's segments and the chain of their hashes.
    origins   scheme, host and port; queue length; robots.txt; whether it answers (crawler/liveness.py);
              `ready_at`: when it was served last, or may be next.
    hosts     politeness, by host name, kept across restarts; `address`: the one connected to last.
    payloads  whole records by the digests of their payloads: (64-bit hash of the digest, seq), 14 bytes a payload. A
              collision shows, since the ledger has the digest itself.
    previous  (origin, hash, seq): of a URL that was seen in the round at hand, the last capture before it that has a
              payload of its own. Written when a URL is met again, so a first round has none.
    seeds     the seeds in order, and where their redirects led (part of that seed's scope from then on).

A 64-bit hash within one origin: among 10^7 URLs a collision has a chance of 3 in a million.
"""

from __future__ import annotations

FORMAT = 4

REVISITS = """
CREATE TABLE payloads (key INTEGER PRIMARY KEY, seq INTEGER NOT NULL);
CREATE TABLE previous (
    origin INTEGER NOT NULL, hash INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (origin, hash)) WITHOUT ROWID;
"""

TABLES = f"""{REVISITS}
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE origins (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, host TEXT NOT NULL, queued INTEGER NOT NULL DEFAULT 0,
    ready_at REAL NOT NULL DEFAULT 0,
    robots TEXT, robots_refusal TEXT, robots_failure TEXT, robots_expires REAL,
    robots_url TEXT, robots_hops INTEGER NOT NULL DEFAULT 0, robots_due REAL NOT NULL DEFAULT 0,
    robots_delay REAL NOT NULL DEFAULT 0,
    silences INTEGER NOT NULL DEFAULT 0, silent_until REAL NOT NULL DEFAULT 0, answered INTEGER NOT NULL DEFAULT 0,
    dead TEXT, dead_failure TEXT);
CREATE INDEX origins_ready ON origins (ready_at) WHERE queued > 0;
CREATE TABLE hosts (
    name TEXT PRIMARY KEY, smoothed REAL, backoff REAL NOT NULL DEFAULT 0, next_ready REAL NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0, address TEXT) WITHOUT ROWID;
CREATE TABLE seen (
    origin INTEGER NOT NULL, hash INTEGER NOT NULL, rank INTEGER NOT NULL, place INTEGER NOT NULL,
    round INTEGER NOT NULL, PRIMARY KEY (origin, hash)) WITHOUT ROWID;
CREATE TABLE queue (
    origin INTEGER NOT NULL, lane INTEGER NOT NULL, id INTEGER NOT NULL, hash INTEGER NOT NULL, url TEXT NOT NULL,
    kind INTEGER NOT NULL, depth INTEGER NOT NULL, offsite INTEGER NOT NULL, redirects INTEGER NOT NULL,
    via INTEGER, seed INTEGER NOT NULL, attempt INTEGER NOT NULL, mode INTEGER NOT NULL,
    PRIMARY KEY (origin, lane, id)) WITHOUT ROWID;
CREATE TABLE waiting (
    origin INTEGER NOT NULL, due REAL NOT NULL, id INTEGER NOT NULL, hash INTEGER NOT NULL, url TEXT NOT NULL,
    kind INTEGER NOT NULL, depth INTEGER NOT NULL, offsite INTEGER NOT NULL, redirects INTEGER NOT NULL,
    via INTEGER, seed INTEGER NOT NULL, attempt INTEGER NOT NULL, mode INTEGER NOT NULL,
    PRIMARY KEY (origin, due, id)) WITHOUT ROWID;
CREATE TABLE ledger (
    seq INTEGER PRIMARY KEY, round INTEGER NOT NULL, origin INTEGER NOT NULL, hash INTEGER NOT NULL, url TEXT NOT NULL,
    outcome TEXT NOT NULL, reason TEXT, failure TEXT, time REAL NOT NULL, status INTEGER, media_type TEXT,
    bytes INTEGER NOT NULL, ms INTEGER NOT NULL, attempt INTEGER NOT NULL, depth INTEGER NOT NULL,
    kind INTEGER NOT NULL, via INTEGER, seed INTEGER NOT NULL, title TEXT, again INTEGER NOT NULL,
    segment TEXT, offset INTEGER, length INTEGER, record_id TEXT, digest TEXT, metadata_offset INTEGER,
    fetched REAL, archived REAL);
CREATE TABLE attempts (
    round INTEGER NOT NULL, origin INTEGER NOT NULL, hash INTEGER NOT NULL, attempt INTEGER NOT NULL,
    url TEXT NOT NULL, reason TEXT, time REAL NOT NULL, status INTEGER, ms INTEGER NOT NULL,
    segment TEXT, offset INTEGER, length INTEGER, record_id TEXT, digest TEXT, metadata_offset INTEGER,
    PRIMARY KEY (origin, hash, round, attempt)) WITHOUT ROWID;
CREATE TABLE segments (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, state TEXT NOT NULL, length INTEGER NOT NULL,
    records INTEGER NOT NULL, sha256 TEXT, first_seq INTEGER, last_seq INTEGER, previous_sha256 TEXT);
CREATE TABLE seeds (number INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE);
CREATE TABLE joined (seed INTEGER NOT NULL, url TEXT NOT NULL, PRIMARY KEY (seed, url)) WITHOUT ROWID;
"""

UPGRADES = {
    1: """
ALTER TABLE ledger ADD COLUMN fetched REAL;
ALTER TABLE ledger ADD COLUMN archived REAL;
""",
    2: REVISITS,
    3: """
ALTER TABLE origins ADD COLUMN silences INTEGER NOT NULL DEFAULT 0;
ALTER TABLE origins ADD COLUMN silent_until REAL NOT NULL DEFAULT 0;
ALTER TABLE origins ADD COLUMN answered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE origins ADD COLUMN dead TEXT;
ALTER TABLE origins ADD COLUMN dead_failure TEXT;
ALTER TABLE hosts ADD COLUMN address TEXT;
""",
}
"""What makes the next format of each older one."""

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # One more sync a batch: what was reported done stays done after a power cut, too.
    "PRAGMA synchronous = FULL",
    "PRAGMA cache_size = -16000",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA wal_autocheckpoint = 2000",
)
