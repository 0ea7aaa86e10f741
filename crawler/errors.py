"""The errors a crawl can end with. Each says whose fault it is and where; the command line prints them in one place."""

from __future__ import annotations


class CrawlError(Exception):
    """Any error that ends a crawl; `exit_code` is what the command line returns for it."""

    exit_code = 1


class UsageError(CrawlError):
    """The user's input is wrong: an option, a seeds line, the configuration file. The text names which."""

    exit_code = 2


class DirectoryLocked(CrawlError):
    """Another process works in this crawl directory."""


class LedgerError(CrawlError):
    """crawl.db cannot be read, written or understood; the text names the file."""


class ArchiverDied(CrawlError):
    """The one writer stopped; its error is the cause. Nothing further can be called done."""


class DiskFailed(CrawlError):
    """The local disk failed when the crawl was opened, or while something was received; the text names the place."""


class OutOfDisk(CrawlError):
    """No room, and the time to wait for some is over; what was captured is safe and the crawl can be resumed."""

    exit_code = 3
