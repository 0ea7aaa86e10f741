"""On a resume with rules that take in more than before: what they kept out is looked at again, without fetching a page.

The links of archived pages stand in their metadata records; they are judged again like those of a page found by a
better way. URLs that left the queue by a rule that accepts them now are queued again.
"""

from __future__ import annotations

import json
import logging

from crawler.config import CrawlConfig
from crawler.frontier import ExcludedURL, RuleLedger
from crawler.model import CrawlURL
from crawler.rules.chain import is_rule
from crawler.rules.ignores import Ignores
from crawler.rules.widening import in_force, widened
from crawler.scope import Scope

log = logging.getLogger(__name__)


async def reconsider(config: CrawlConfig, ledger: RuleLedger, scope: Scope, ignores: Ignores) -> None:
    """Compares the rules with those of the last start, durably takes note of them, and queues what that calls for."""
    rules = in_force(config, ignores)
    text = json.dumps(rules, sort_keys=True)
    before = await ledger.rules()
    if before == text:
        return
    if before is None or not widened(json.loads(before), rules):
        await ledger.keep_rules(text)
        return
    back = await _queue_excluded(ledger, scope)
    count = await ledger.rejudge_settled(text)
    log.info("the rules are wider than before: the links of %d stored pages are judged again, %d URLs that had been"
             " excluded are queued again", count, back)  # fmt: skip


async def _queue_excluded(ledger: RuleLedger, scope: Scope) -> int:
    count = since = 0
    while piece := await ledger.excluded(since):
        since = piece[-1].seq
        wanted = [each.seq for each in piece if _is_wanted(scope, each)]
        if wanted:
            await ledger.requeue_excluded(wanted)
        count += len(wanted)
    return count


def _is_wanted(scope: Scope, url: ExcludedURL) -> bool:
    """Whether a rule of the chain excluded it and none does now."""
    # Seeds have no via and are excluded by no rule of the chain but a host's budget.
    judged = CrawlURL(url.url, url.kind, url.depth, url.offsite, via=url.url, seed=url.seed, nesting=url.nesting)
    return is_rule(url.rule) and scope.still_wanted(judged).accepted
