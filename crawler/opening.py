"""Opening a crawl directory: everything that must hold before the first URL is claimed.

DIR/.lock         held by one live process
DIR/crawl.db      the ledger and frontier
DIR/archive/      what an earlier run left open is cut back to its committed length and sealed
DIR/logs, pages   lines that a crash kept from being written are written
DIR/tmp           spooled bodies; unlinked files, so a dead process leaves none
DIR/crawl.toml    the configuration in force
DIR/ignores       patterns of what is not to be fetched, if somebody wrote them; read again when it changes
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from crawler.archiving.derivedlog import PAGES_HEADER, DerivedLog, pages_line, urls_line
from crawler.archiving.segments import Segments
from crawler.clock import Clock, utc
from crawler.commandline.configfile import write_config
from crawler.config import CrawlConfig
from crawler.demo import DEMO_HOST, DEMO_URL
from crawler.disk import DiskGuard, is_full
from crawler.errors import DiskFailed, OutOfDisk, UsageError
from crawler.fetcher import Fetcher, HttpFetcher
from crawler.frontier import Counts, Frontier
from crawler.frontier.embedded import holds_ledger, open_frontier
from crawler.hostbudget import HostBudget
from crawler.identity.cookies import CookieJar
from crawler.identity.cookiesfile import give_cookies
from crawler.ignorefile import IgnoreFile
from crawler.model import Outcome
from crawler.network.resolver import OverrideResolver
from crawler.pdf.links import PdfLinks
from crawler.place import check_ledger, make_directories, sync_names
from crawler.querystrip import QueryStrip
from crawler.reconsider import reconsider
from crawler.rules.ownrules import without_seed
from crawler.scope import Scope
from crawler.seams import Seams, Sink
from crawler.seedoptions import HostLimits, host_limits, options_by_url, page_budgets
from crawler.sitemaps import usual_places
from crawler.urls import seed_url
from storage import DiskFiles

if TYPE_CHECKING:
    from crawler.earlier.elsewhere import Elsewhere

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Opened:
    """An open crawl directory and what works on it."""

    directory: Path
    frontier: Frontier
    segments: Sink
    guard: DiskGuard
    scope: Scope
    ignores: IgnoreFile
    budget: HostBudget | None
    """None where no host has one."""
    fetcher: Fetcher
    cookies: CookieJar | None
    """The fetcher's jar, if it has one: to be kept with the ledger."""
    pdf: PdfLinks | None
    """None when PDFs are not searched."""
    elsewhere: Sequence[Elsewhere]
    """Other archives whose payloads need not be kept again."""
    logs: Sequence[DerivedLog]
    counts: Counts
    seeds: Sequence[int]
    """The numbers of the seeds now in force."""
    round: int
    started: float
    already_complete: bool
    requisites_only: bool = False
    """Pages stay queued."""

    def write_logs(self, outcomes: Sequence[Outcome]) -> None:
        """Derived from the ledger: a failure to write them is told and mended at the end, and stops nothing."""
        for each in self.logs:
            try:
                each.write(outcomes)
            except OSError as error:
                log.error("%s: %s; to be completed from the ledger", each.path, error)

    def complete_logs(self) -> None:
        """Writes the lines that could not be written when they were due; call when no commit is under way."""
        for each in self.logs:
            try:
                if each.behind:
                    each.catch_up(self.frontier.outcomes(each.last_seq))
            except OSError as error:
                log.error("%s: %s; to be completed on the next start", each.path, error)


async def open_crawl(config: CrawlConfig, stack: AsyncExitStack, seams: Seams) -> Opened:
    """Opens the directory; whatever must be closed again is left in `stack`.

    Raises UsageError, DirectoryLocked, LedgerError, ArchiveError, OSError."""
    clock, fetcher = seams.clock, seams.fetcher
    started = clock.time()
    seeds = normalised_seeds(config)
    directory, files = make_directories(config, stack), seams.files or DiskFiles()
    elsewhere = await _open_elsewhere(config, directory, stack)
    logs = _open_logs(directory, stack)
    frontier = seams.frontier or await _open_frontier(config, directory, logs, stack, clock)
    for each in logs:
        check_ledger(directory, (await frontier.counts()).seq, each)
    await _check_digest(config, frontier)
    _check_seed_options(config, {*seeds, *(urls[0] for urls in (await frontier.seeds()).values())})
    write_config(directory / "crawl.toml", config)
    await sync_names(directory, files)
    guard = DiskGuard(directory, config.min_free_disk, config.disk_wait, clock)
    segments = seams.sink or Segments(directory, config, frontier, files, clock, guard)
    stack.push_async_callback(segments.close)
    await segments.recover()
    for each in logs:
        each.catch_up(frontier.outcomes(each.last_seq))
    if not (numbers := await _begin_round(config, frontier, seeds)):
        before = await frontier.counts()
        numbers = await frontier.add_seeds(seeds)
        await _requeue(config, frontier, before)
    if seams.missing is not None:
        await frontier.queue_missing(seams.missing)
    budget = await _host_budget(config, frontier)
    spent = None if budget is None else budget.spent
    scope = seams.scope or Scope.of(config, await frontier.seeds(), utc(started).year, spent)
    ignores = IgnoreFile(directory, config.ignore_sets, scope, clock)
    await reconsider(config, frontier, scope, ignores.in_force)
    if config.sitemaps:
        await frontier.add(usual_places(await frontier.seeds(), scope))
    if not config.robots:
        log.warning("robots.txt is neither asked for nor obeyed (--no-robots)")
    counts = await frontier.counts()
    if fetcher is None and config.from_archive is not None:
        fetcher = await _open_archive_fetcher(config, config.from_archive, directory, stack)
    elif fetcher is None:
        every_seed = [urls[0] for urls in (await frontier.seeds()).values()]
        fetcher = await _open_fetcher(config, directory, every_seed, stack)
    cookies = await _open_cookies(config, frontier, fetcher)
    pdf = PdfLinks(directory / "tmp") if config.pdf else None
    if pdf is not None:
        stack.push_async_callback(pdf.close)
    complete = counts.queued == 0 and counts.done > 0
    return Opened(
        directory, frontier, segments, guard, scope, ignores, budget, fetcher, cookies, pdf, elsewhere, logs, counts,
        numbers, frontier.round, started, complete, seams.missing is not None,
    )  # fmt: skip


async def _open_elsewhere(config: CrawlConfig, directory: Path, stack: AsyncExitStack) -> list[Elsewhere]:
    if not config.dedupe_from:
        return []
    from crawler.earlier.elsewhere import Elsewhere  # here: few crawls look into other archives

    found = await Elsewhere.open(directory, config.dedupe_from, config.digest)
    stack.push_async_callback(found.close)
    return [found]


async def _open_frontier(
    config: CrawlConfig, directory: Path, logs: Sequence[DerivedLog], stack: AsyncExitStack, clock: Clock
) -> Frontier:
    if not holds_ledger(directory):
        for each in logs:  # before an empty ledger is made, which whoever looks later would take for the crawl's own
            check_ledger(directory, None, each)
    options = options_by_url(config.seed_options)
    live = config.from_archive is None  # a host that is not asked need not be spared
    frontier = await open_frontier(
        directory,
        delay=config.delay if live else 0.0,
        per_host=config.per_host,
        per_ip=config.per_ip if live else 0,
        probes=config.probes,
        robots=config.robots,
        hosts=host_limits(options, HostLimits(config.delay, config.per_host)) if live else {},
        depth_matters=config.max_depth is not None or any(own.depth is not None for own in options.values()),
        clock=clock,
    )
    stack.push_async_callback(frontier.close)
    return frontier


async def _host_budget(config: CrawlConfig, frontier: Frontier) -> HostBudget | None:
    own = page_budgets(options_by_url(config.seed_options))
    if config.host_pages is None and not own:
        return None
    return HostBudget(config.host_pages, own, await frontier.pages_by_host())


async def _check_digest(config: CrawlConfig, frontier: Frontier) -> None:
    """Raises UsageError where the archive was begun with another digest: an archive has one algorithm."""
    begun = await frontier.settle("digest", config.digest)
    if begun != config.digest:
        raise UsageError(
            f"--digest {config.digest}: the archive in {config.output} was begun with --digest {begun}, and one archive"
            f" has one algorithm; give --digest {begun}, or begin a new archive with --fresh"
        )


def _check_seed_options(config: CrawlConfig, seeds: Collection[str]) -> None:
    """Raises UsageError where options were given for a URL that no run named as a seed: it may be misspelt. A crawl
    without seeds waits for URLs that are submitted, whose hosts the options are for."""
    if seeds and (url := without_seed(config, seeds)) is not None:
        raise UsageError(f"--seed-option: {url} is none of the seeds")


def refused_by_disk(error: Exception, directory: Path) -> Exception:
    """What an error of opening means for whoever asked for the crawl: no room is no fault, and can be resumed from."""
    cause = error if isinstance(error, OSError) else error.__cause__
    if is_full(cause) or getattr(cause, "sqlite_errorname", None) in ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"):
        return OutOfDisk(f"{directory}: no room to open the crawl: {error}")
    return DiskFailed(f"{directory}: the crawl cannot be opened: {error}") if error is cause else error


def normalised_seeds(config: CrawlConfig) -> list[str]:
    """The seeds as URLs; a crawl may do without, and be given URLs later. Raises UsageError naming one that is none."""
    seeds = list(config.seeds) or ([DEMO_URL] if config.demo else [])
    try:
        urls = [seed_url(seed) for seed in seeds]
    except ValueError as error:
        raise UsageError(f"seeds: {error}") from error
    strip = QueryStrip(config.strip_query) if config.strip_query else None
    return list(dict.fromkeys(urls if strip is None else map(strip.url, urls)))


def _open_logs(directory: Path, stack: AsyncExitStack) -> list[DerivedLog]:
    logs = [
        DerivedLog(directory / "logs" / "urls.jsonl", urls_line),
        DerivedLog(directory / "pages" / "pages.jsonl", pages_line, header=PAGES_HEADER),
    ]
    for each in logs:
        stack.callback(each.close)
    return logs


async def _begin_round(config: CrawlConfig, frontier: Frontier, seeds: Sequence[str]) -> Sequence[int]:
    """With `--recrawl` on a finished crawl the next round begins; returns the numbers of its seeds, else none."""
    counts = await frontier.counts()
    if not config.recrawl or not counts.done:
        return ()
    if counts.queued:
        log.warning("round %d is not finished and goes on; --recrawl begins the next one after it", frontier.round)
        return ()
    numbers = await frontier.begin_round(seeds)
    log.info("round %d begins", frontier.round)
    return numbers


async def _requeue(config: CrawlConfig, frontier: Frontier, before: Counts) -> None:
    """Failures to be tried again: on request, and after a run in which nothing at all answered (no network)."""
    nothing_answered = before.failed > 0 and before.archived + before.revisited == 0 and before.queued == 0
    if config.retry_failed or nothing_answered:
        count = await frontier.requeue_failed()
        log.info("%d failed URLs queued again", count)


async def _open_cookies(config: CrawlConfig, frontier: Frontier, fetcher: Fetcher) -> CookieJar | None:
    """Fills the fetcher's jar with what an earlier run kept and with what the user gives. Raises UsageError."""
    if not isinstance(fetcher, HttpFetcher):
        return None
    kept = await frontier.cookies()
    if kept is not None:
        fetcher.cookies.restore(kept)
    if config.cookies is not None:
        give_cookies(fetcher.cookies, config.cookies)
    return fetcher.cookies


def _same_place(one: str | Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


async def _open_archive_fetcher(
    config: CrawlConfig, archive: str | Path, directory: Path, stack: AsyncExitStack
) -> Fetcher:
    from crawler.offline import ArchiveFetcher  # here: few crawls read an archive

    if _same_place(archive, directory):
        raise UsageError(f"--from-archive {archive}: is the directory that this crawl writes to; give another --output")
    fetcher = ArchiveFetcher(archive, spool_dir=directory / "tmp")
    return await stack.enter_async_context(fetcher)


async def _open_fetcher(
    config: CrawlConfig, directory: Path, seeds: Sequence[str], stack: AsyncExitStack
) -> HttpFetcher:
    overrides: dict[str, tuple[str, int]] = {}
    if config.demo or any(urlsplit(seed).hostname == DEMO_HOST for seed in seeds):
        from crawler.demo.server import DemoServer  # here: most crawls need no web server

        server = await stack.enter_async_context(DemoServer())
        overrides[DEMO_HOST] = ("127.0.0.1", server.port)
    resolver = OverrideResolver(overrides)
    fetcher = HttpFetcher(config, spool_dir=directory / "tmp", resolver=resolver, seeds=seeds)
    return await stack.enter_async_context(fetcher)
