"""From captures to the archive: records, segments as the ledger knows them, the logs derived from it."""
