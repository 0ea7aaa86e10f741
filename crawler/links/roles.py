"""The roles of links: one shared object each, in the notation of Heritrix's outlinks."""

from __future__ import annotations

from functools import lru_cache

from msgspec.structs import replace

from crawler.model import Kind, Role


def link(context: str) -> Role:
    """Something that a reader would follow."""
    return Role(Kind.NAVIGATION, context, "L")


def embed(context: str) -> Role:
    """Something that the page needs to be shown."""
    return Role(Kind.REQUISITE, context, "E")


A_HREF = link("a/@href")
LINK_HREF = link("link/@href")
LINK_REQUISITE = embed("link/@href")
META_REFRESH = Role(Kind.NAVIGATION, "meta/@refresh", "R")
HEADER_REFRESH = Role(Kind.NAVIGATION, "header/refresh", "R")
META_CONTENT = embed("meta/@content")
META_LINK = link("meta/@content")
MODULE = Role(Kind.REQUISITE, "script/import", "E", same_hop=True)
GUESS_JS = Role(Kind.GUESS, "script/string", "X")
GUESS_JSON = Role(Kind.GUESS, "script/json", "X")
LAZY = embed("@data-src")
BACKGROUND = embed("@background")
XML_STYLESHEET = embed("xml-stylesheet/@href")
SITEMAP = Role(Kind.SITEMAP, "robots.txt/sitemap", "M")
SITEMAP_OF_INDEX = Role(Kind.SITEMAP, "sitemapindex/loc", "M")
SITEMAP_URL = link("urlset/loc")
SITEMAP_ALTERNATE = link("urlset/link/@href")
SITEMAP_LINE = link("sitemap/line")
SITEMAP_IMAGE = embed("urlset/image/loc")
SITEMAP_VIDEO = embed("urlset/video/loc")
FEED_LINK = link("feed/link")
CSS_URL = embed("css/url()")
CSS_IMAGE_SET = embed("css/image-set()")
CSS_IMPORT = Role(Kind.REQUISITE, "css/@import", "E", same_hop=True)


@lru_cache(maxsize=4096)
def better(first: Role, second: Role) -> Role:
    """The role of a URL that was found in two: the smaller kind, then the one that costs no hop, then the first.

    A page's link that is also its requisite stays wanted as a requisite where a link would be out of scope."""
    best, other = (second, first) if _order(second) < _order(first) else (first, second)
    if best.kind is Kind.NAVIGATION and (other.kind is Kind.REQUISITE or other.embedded):
        return replace(best, embedded=True)
    return best


def _order(role: Role) -> tuple[int, bool, bool]:
    return (role.kind, role.nofollow, not role.same_hop)


@lru_cache(maxsize=4096)
def nofollow(role: Role) -> Role:
    """The role of a link that robots are asked not to follow."""
    return role if role.nofollow else replace(role, context=f"{role.context}[nofollow]", nofollow=True)


@lru_cache(maxsize=4096)
def dated(role: Role, lastmod: str) -> Role:
    """The role of a sitemap's entry with the date of its last change, as the sitemap writes it."""
    return replace(role, context=f"{role.context}[lastmod={lastmod}]")
