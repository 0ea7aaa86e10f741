"""Which links are followed: the scope kinds, requisites and their hops, redirects, includes and excludes, depth."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from crawler.config import ScopeKind
from crawler.frontier import rank
from crawler.model import CrawlURL, Kind, Outlink, Role
from crawler.scope import MAX_REDIRECTS, Scope

SEED = "https://www.example.com/docs/guide/index.html?v=1"
LINK = Role(Kind.NAVIGATION, "a/@href", "L")
IMAGE = Role(Kind.REQUISITE, "img/@src", "E")
IMPORT = Role(Kind.REQUISITE, "css/@import", "E", same_hop=True)
GUESS = Role(Kind.GUESS, "script", "X")
LINK_AND_IMAGE = Role(Kind.NAVIGATION, "a/@href", "L", embedded=True)
PAGE = CrawlURL(SEED, seed=1)


def scope(kind: ScopeKind | str = ScopeKind.HOST, *seeds: str, **options: object) -> Scope:
    return Scope(ScopeKind(kind), dict(enumerate([[seed] for seed in seeds or (SEED,)], 1)), **options)  # type: ignore[arg-type]


def judged(
    of: Scope, links: Mapping[str, Role], parent: CrawlURL = PAGE, known: Mapping[str, int] | None = None
) -> list[Outlink]:
    return of.judge(parent, links, known or {})


def accepts(of: Scope, url: str, role: Role = LINK, parent: CrawlURL = PAGE) -> bool:
    return [link.url for link in judged(of, {url: role}, parent)] == [url]


@pytest.mark.parametrize(
    ("kind", "inside", "outside"),
    [
        ("page", [SEED], ["https://www.example.com/docs/guide/index.html", "https://www.example.com/"]),
        (
            "prefix",
            [SEED, "https://www.example.com/docs/guide/", "https://www.example.com/docs/guide/a/b?c"],
            [
                "https://www.example.com/docs/guide",
                "https://www.example.com/docs/guidelines/",
                "https://www.example.com/",
                "http://www.example.com/docs/guide/",
                "https://www.example.org/docs/guide/",
            ],
        ),
        (
            "host",
            ["https://www.example.com/", "http://www.example.com/x"],
            [
                "https://example.com/",
                "https://www.example.com:8443/",
                "https://www.example.com.evil.test/",
                "https://evil.test/www.example.com/",
                "https://notwww.example.com/",
            ],
        ),
        (
            "domain",
            ["https://example.com/", "http://a.b.example.com:8080/", "https://www.example.com/"],
            ["https://example.org/", "https://notexample.com/", "https://com/", "https://example.com.evil.test/"],
        ),
        ("any", ["https://elsewhere.test/", "http://192.0.2.1/"], []),
    ],
)
def test_each_kind_of_scope(kind: str, inside: list[str], outside: list[str]) -> None:
    of = scope(kind)
    assert [url for url in inside if not accepts(of, url)] == []
    assert [url for url in outside if accepts(of, url)] == []


@pytest.mark.parametrize(
    ("seed", "inside", "outside"),
    [
        ("https://a.example.co.uk/", "https://b.example.co.uk/", "https://other.co.uk/"),
        ("https://me.github.io/", "https://www.me.github.io/", "https://you.github.io/"),
        ("https://github.io/", "https://github.io/x", "https://you.github.io/"),
        ("http://localhost:8000/", "http://localhost:9000/", "http://remotehost/"),
        ("http://192.0.2.1/", "http://192.0.2.1:8080/", "http://198.51.2.1/"),
        ("http://[2001:db8::1]/", "http://[2001:db8::1]:81/", "http://[2001:db8::2]/"),
        ("https://www.example.com./", "https://example.com/", "https://example.org./"),
    ],
)
def test_a_domain_is_what_somebody_registered(seed: str, inside: str, outside: str) -> None:
    of = scope("domain", seed)
    parent = CrawlURL(seed, seed=1)
    assert accepts(of, inside, parent=parent)
    assert not accepts(of, outside, parent=parent)


def test_a_port_is_part_of_the_host_and_http_and_https_are_one() -> None:
    of = scope("host", "http://example.com:8080/")
    parent = CrawlURL("http://example.com:8080/", seed=1)
    assert accepts(of, "https://example.com:8080/", parent=parent)
    assert not accepts(of, "http://example.com/", parent=parent)


def test_each_seed_has_a_scope_of_its_own() -> None:
    of = scope("host", "https://a.test/", "https://b.test/")
    links = {"https://a.test/x": LINK, "https://b.test/x": LINK}
    for number, host in ((1, "a"), (2, "b")):
        found = judged(of, links, CrawlURL(f"https://{host}.test/", seed=number))
        assert [(link.url, link.seed) for link in found] == [(f"https://{host}.test/x", number)]


class TestLinks:
    def test_links_are_one_deeper_and_requisites_as_deep(self) -> None:
        parent = replace(PAGE, depth=3, redirects=7)
        names = [f"https://www.example.com/{letter}" for letter in "abc"]
        links = dict(zip(names, (LINK, IMAGE, GUESS), strict=True))
        assert judged(scope(), links, parent) == [
            Outlink("https://www.example.com/a", Kind.NAVIGATION, 4, 0, 0, 1),
            Outlink("https://www.example.com/b", Kind.REQUISITE, 3, 0, 0, 1),
            Outlink("https://www.example.com/c", Kind.GUESS, 4, 0, 0, 1),
        ]

    def test_depth_is_limited_for_links_and_not_for_requisites(self) -> None:
        of = scope(max_depth=2)
        url = "https://www.example.com/a"
        assert accepts(of, url, LINK, replace(PAGE, depth=1))
        assert not accepts(of, url, LINK, replace(PAGE, depth=2))
        assert not accepts(of, url, GUESS, replace(PAGE, depth=2))
        assert accepts(of, url, IMAGE, replace(PAGE, depth=2))

    def test_too_deep_here_may_be_near_enough_elsewhere(self) -> None:
        of = scope(max_depth=2)
        url = "https://www.example.com/a"
        assert not accepts(of, url, LINK, replace(PAGE, depth=2))
        assert accepts(of, url, LINK, replace(PAGE, depth=1))

    def test_what_is_known_as_well_is_left_out_and_what_is_better_is_not(self) -> None:
        of, url, far = scope(), "https://www.example.com/a", "https://cdn.test/style.css"
        known = {url: rank(Kind.NAVIGATION, 0, 1), far: rank(Kind.REQUISITE, 1, 0)}
        assert judged(of, {url: LINK, far: IMAGE}, known=known) == []
        assert judged(of, {url: LINK}, known={url: rank(Kind.NAVIGATION, 0, 2)}) != []
        assert judged(of, {url: LINK}, known={url: rank(Kind.REQUISITE, 0, 0)}) != []
        assert judged(of, {far: IMAGE}, known={far: rank(Kind.REQUISITE, 2, 0)}) != []
        assert judged(of, {far: LINK}, known={far: rank(Kind.REQUISITE, 1, 0)}) == []

    def test_an_out_of_scope_link_that_the_page_shows_is_a_requisite(self) -> None:
        [link] = judged(scope(), {"https://cdn.test/big.jpg": LINK_AND_IMAGE})
        assert (link.kind, link.offsite) == (Kind.REQUISITE, 1)
        [link] = judged(scope(), {"https://www.example.com/big.jpg": LINK_AND_IMAGE})
        assert link.kind is Kind.NAVIGATION

    def test_a_link_rejected_before_is_still_wanted_as_a_requisite(self) -> None:
        of, url = scope(), "https://cdn.test/big.jpg"
        assert not accepts(of, url, LINK)
        assert accepts(of, url, IMAGE)
        assert accepts(of, url, LINK_AND_IMAGE)
        assert not accepts(of, url, LINK)


class TestRequisites:
    def test_they_come_from_anywhere_up_to_two_hops_beyond_the_scope(self) -> None:
        of = scope()
        first = judged(of, {"https://cdn.test/frame.html": IMAGE})
        assert [link.offsite for link in first] == [1]
        frame = CrawlURL("https://cdn.test/frame.html", Kind.REQUISITE, offsite=1, seed=1)
        assert [link.offsite for link in judged(of, {"https://ads.test/frame.html": IMAGE}, frame)] == [2]
        inner = CrawlURL("https://ads.test/frame.html", Kind.REQUISITE, offsite=2, seed=1)
        assert judged(of, {"https://more.test/x.png": IMAGE}, inner) == []

    def test_an_import_is_no_hop(self) -> None:
        of = scope()
        sheet = CrawlURL("https://cdn.test/a.css", Kind.REQUISITE, offsite=2, seed=1)
        assert [link.offsite for link in judged(of, {"https://cdn.test/b.css": IMPORT}, sheet)] == [2]
        own = CrawlURL("https://www.example.com/a.css", Kind.REQUISITE, seed=1)
        assert [link.offsite for link in judged(of, {"https://cdn.test/b.css": IMPORT}, own)] == [1]

    def test_back_on_the_seeds_host_they_are_home(self) -> None:
        frame = CrawlURL("https://cdn.test/frame.html", Kind.REQUISITE, offsite=2, seed=1)
        assert [link.offsite for link in judged(scope(), {"https://www.example.com/x.png": IMAGE}, frame)] == [0]

    def test_a_page_that_came_as_a_requisite_leads_nowhere(self) -> None:
        frame = CrawlURL("https://cdn.test/frame.html", Kind.REQUISITE, offsite=1, seed=1)
        assert not accepts(scope(), "https://www.example.com/x", LINK, frame)
        assert accepts(scope(), "https://www.example.com/x", LINK, replace(frame, offsite=0))

    @pytest.mark.parametrize("kind", ["page", "prefix"])
    def test_the_seeds_host_is_never_beyond_the_scope_for_them(self, kind: str) -> None:
        assert [link.offsite for link in judged(scope(kind), {"https://www.example.com/logo.png": IMAGE})] == [0]

    def test_nothing_is_off_site_where_anything_goes(self) -> None:
        assert [link.offsite for link in judged(scope("any"), {"https://cdn.test/logo.png": IMAGE})] == [0]


class TestPatterns:
    def test_include_extends_the_scope(self) -> None:
        of = scope(include=[r"^https://cdn\.test/docs/", "wanted"])
        assert accepts(of, "https://cdn.test/docs/x")
        assert accepts(of, "https://other.test/?x=wanted")
        assert not accepts(of, "https://cdn.test/other")
        assert accepts(of, "https://www.example.com/other"), "it takes nothing away"

    def test_exclude_wins_over_everything(self) -> None:
        of = scope(include=["wanted"], exclude=["not", r"\.zip$"])
        assert accepts(of, "https://other.test/wanted")
        assert not accepts(of, "https://other.test/not-wanted")
        for role in (LINK, IMAGE, GUESS, LINK_AND_IMAGE):
            assert not accepts(of, "https://www.example.com/a.zip", role)
        assert not accepts(scope("any", exclude=["zip"]), "https://a.test/a.zip")

    def test_what_is_queued_is_judged_by_the_rules_now_in_force(self) -> None:
        queued = CrawlURL("https://www.example.com/a.zip", depth=3, via=SEED, seed=1)
        assert scope().still_wanted(queued).accepted
        assert scope(exclude=["zip"]).still_wanted(queued).rule == "exclude"
        assert scope(max_depth=2).still_wanted(queued).rule == "max-depth"
        assert scope("page").still_wanted(queued).rule == "scope"
        far = replace(queued, url="https://cdn.test/x", kind=Kind.REQUISITE, offsite=3)
        assert scope().still_wanted(far).rule == "requisite hops"

    def test_a_seed_and_a_robots_txt_are_wanted_whatever_the_rules(self) -> None:
        of = scope("page", exclude=["."])
        assert of.still_wanted(PAGE).accepted
        assert of.still_wanted(CrawlURL("https://cdn.test/robots.txt", Kind.ROBOTS, via=SEED)).accepted


class TestOffsiteLinks:
    def test_as_many_in_a_row_as_are_allowed(self) -> None:
        of, url = scope(offsite_links=2), "https://other.test/"
        [first] = judged(of, {url: LINK})
        assert (first.kind, first.depth, first.offsite) == (Kind.NAVIGATION, 1, 1)
        there = CrawlURL(url, depth=1, offsite=1, via=SEED, seed=1)
        assert [link.offsite for link in judged(of, {"https://third.test/": LINK}, there)] == [2]
        assert judged(of, {"https://third.test/x": LINK}, replace(there, offsite=2)) == []
        assert not accepts(scope(), url)

    def test_too_far_on_one_page_may_be_near_enough_on_another(self) -> None:
        of, url = scope(offsite_links=1), "https://third.test/"
        there = CrawlURL("https://other.test/", depth=1, offsite=1, via=SEED, seed=1)
        assert not accepts(of, url, parent=there)
        assert accepts(of, url)

    def test_back_in_scope_the_count_begins_anew(self) -> None:
        there = CrawlURL("https://other.test/", depth=1, offsite=1, via=SEED, seed=1)
        assert [
            link.offsite for link in judged(scope(offsite_links=1), {"https://www.example.com/x": LINK}, there)
        ] == [0]

    def test_their_pages_have_requisites_like_any_other(self) -> None:
        there = CrawlURL("https://other.test/", depth=3, offsite=3, via=SEED, seed=1)
        of = scope(offsite_links=3)
        assert [link.offsite for link in judged(of, {"https://other.test/i.png": IMAGE}, there)] == [1]

    def test_redirects_keep_the_count_and_may_leave_the_scope(self) -> None:
        of = scope(offsite_links=1)
        inside = CrawlURL("https://www.example.com/out", depth=1, via=SEED, seed=1)
        link, verdict, joins = of.judge_redirect(inside, "https://other.test/")
        assert link is not None
        assert (link.offsite, verdict.rule, joins) == (1, "offsite-links", False)
        outside = CrawlURL("https://other.test/", depth=1, offsite=1, via=SEED, seed=1)
        link, _, _ = of.judge_redirect(outside, "https://www.other.test/")
        assert link is not None
        assert link.offsite == 1

    def test_what_is_queued_is_judged_again(self) -> None:
        queued = CrawlURL("https://other.test/", depth=1, offsite=1, via=SEED, seed=1)
        assert scope(offsite_links=1).still_wanted(queued).accepted
        assert scope().still_wanted(queued).rule == "scope"


class TestExplaining:
    def test_the_last_rule_that_says_anything_decides(self) -> None:
        of = scope(include=["x"], exclude=["drop"], max_depth=3, offsite_links=1, year=2026)
        said = of.explain("https://other.test/x/drop", Kind.NAVIGATION, 1, 0, 1)
        assert [(each.rule, each.accepted, each.decided) for each in said] == [
            ("scope", False, False),
            ("offsite-links", None, False),
            ("trap-length", None, False),
            ("trap-segments", None, False),
            ("trap-repeat", None, False),
            ("trap-query", None, False),
            ("trap-calendar", None, False),
            ("trap-nesting", None, False),
            ("include", True, False),
            ("max-depth", None, False),
            ("requisite hops", None, False),
            ("exclude", False, True),
        ]
        assert said[-1].why == "matches drop"
        assert [each.rule for each in scope().explain(SEED, Kind.NAVIGATION, 0, 0, 1)] == ["scope", "requisite hops"]

    @pytest.mark.parametrize("kind", list(Kind))
    @pytest.mark.parametrize("offsite", [0, 1, 3])
    @pytest.mark.parametrize("depth", [0, 5])
    @pytest.mark.parametrize("path", ["/", "/x/x/x/x", "/in/", "/in/drop", "/drop"])
    @pytest.mark.parametrize("host", ["https://www.example.com", "https://other.test"])
    def test_it_says_what_the_verdict_is(self, kind: Kind, offsite: int, depth: int, path: str, host: str) -> None:
        of = scope(include=["/in/"], exclude=["drop"], max_depth=3, offsite_links=1, year=2026)
        [decisive] = [each for each in of.explain(host + path, kind, depth, offsite, 1) if each.decided]
        verdict = of.verdict(host + path, kind, depth, offsite, 1)
        assert (decisive.rule, decisive.accepted, decisive.why) == (verdict.rule, verdict.accepted, verdict.why)


class TestRedirects:
    def test_a_target_keeps_depth_and_kind_and_counts_one_more(self) -> None:
        source = CrawlURL("https://www.example.com/a", Kind.GUESS, depth=4, redirects=2, via=SEED, seed=1)
        link, verdict, joins = scope().judge_redirect(source, "https://www.example.com/b")
        assert link == Outlink("https://www.example.com/b", Kind.GUESS, 4, 0, 3, 1)
        assert (verdict.accepted, joins) == (True, False)

    def test_there_is_an_end_to_them(self) -> None:
        source = CrawlURL(SEED, redirects=MAX_REDIRECTS - 1, seed=1)
        assert scope().judge_redirect(source, SEED + "x")[0] is not None
        link, verdict, joins = scope().judge_redirect(replace(source, redirects=MAX_REDIRECTS), SEED + "x")
        assert (link, verdict.rule, joins) == (None, "redirects", False)

    def test_a_seeds_target_joins_its_scope(self) -> None:
        of = scope("host", "https://example.com/")
        seed = CrawlURL("https://example.com/", seed=1)
        target = "https://www.example.com/home"
        assert not accepts(of, target + "/x", parent=seed)
        link, verdict, joins = of.judge_redirect(seed, target)
        assert (link is not None, verdict.accepted, joins) == (True, True, True)
        assert not of.in_scope(target, 1), "it is for the ledger to say so first"
        of.join(1, target)
        assert accepts(of, target + "/x", parent=seed)
        assert of.judge_redirect(seed, target)[2] is False, "once is enough"
        assert accepts(of, "https://example.com/x", parent=seed)

    def test_of_a_seed_two_redirects_on_too_but_not_of_a_link(self) -> None:
        of = scope("host", "https://example.com/")
        hop = CrawlURL("https://www.example.com/", via="https://example.com/", redirects=1, seed=1)
        assert of.judge_redirect(hop, "https://final.test/")[2] is True
        link = CrawlURL("https://example.com/x", via="https://example.com/", depth=1, seed=1)
        assert of.judge_redirect(link, "https://final.test/")[0] is None

    def test_what_is_excluded_does_not_join(self) -> None:
        of = scope("host", "https://example.com/", exclude=["login"])
        target = "https://accounts.test/login"
        link, verdict, joins = of.judge_redirect(CrawlURL("https://example.com/", seed=1), target)
        assert (link, verdict.rule, joins) == (None, "exclude", False)

    def test_a_requisites_target_is_no_hop_further(self) -> None:
        of = scope()
        for offsite, target, expected in (
            (0, "https://cdn.test/x.png", 1),
            (2, "https://cdn.test/x.png", 2),
            (2, "https://www.example.com/x.png", 0),
        ):
            source = CrawlURL("https://some.test/x", Kind.REQUISITE, offsite=offsite, via=SEED, seed=1)
            link, _, joins = of.judge_redirect(source, target)
            assert link is not None
            assert (link.offsite, joins) == (expected, False)

    def test_a_link_out_of_scope_is_refused(self) -> None:
        source = CrawlURL("https://www.example.com/out", via=SEED, depth=1, seed=1)
        link, verdict, _ = scope().judge_redirect(source, "https://elsewhere.test/")
        assert (link, verdict.rule) == (None, "scope")


class TestSeedsThatComeLater:
    def test_they_have_their_scope_at_once(self) -> None:
        of = scope("host", "https://a.test/")
        parent = CrawlURL("https://b.test/", seed=2)
        assert not accepts(of, "https://b.test/x", parent=parent)
        of.add_seeds({2: ["https://b.test/", "https://www.b.test/"]})
        assert accepts(of, "https://b.test/x", parent=parent)
        assert accepts(of, "https://www.b.test/x", parent=parent)

    @pytest.mark.parametrize(
        ("kind", "url", "number"),
        [
            ("host", "https://b.test/deep/x", 2),
            ("prefix", "https://a.test/two/x/y", 3),
            ("prefix", "https://a.test/elsewhere", 1),
            ("domain", "https://www.b.test/", 2),
            ("page", "https://a.test/two/", 3),
            ("host", "https://c.test/", None),
        ],
    )
    def test_whose_scope_a_url_of_a_sitemap_is_in(self, kind: str, url: str, number: int | None) -> None:
        of = scope(kind, "https://a.test/one/", "https://b.test/", "https://a.test/two/")
        assert of.seed_for(url) == number
