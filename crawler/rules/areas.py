"""Where each seed's scope lies, by its own scope kind: from its URL and from those that its redirects led to. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from publicsuffixlist import PublicSuffixList

from crawler.scopekind import ScopeKind

MAX_PREFIX_DEPTH = 64
"""Directories of a URL that are compared with the seeds' prefixes."""
REMEMBERED_ORIGINS = 50_000
_IP_ADDRESS = re.compile(r"\[.*\]|\d+\.\d+\.\d+\.\d+")
"""As the URL Standard serialises hosts: any other host that looks like this would not have been a valid URL."""
_DEFAULT_PORTS = {"http://": ":80", "https://": ":443"}


class Areas:
    """`seeds` maps each seed's number to its URL and the URLs that joined it; `kind_of` tells a seed's scope kind."""

    def __init__(self, seeds: Mapping[int, Sequence[str]], kind_of: Callable[[int], ScopeKind]) -> None:
        self._kind_of = kind_of
        self._seeds = {number: list(urls) for number, urls in seeds.items()}
        self._suffixes: PublicSuffixList | None = None
        self._areas: dict[int, frozenset[str]] = {}
        self._homes: dict[str, int] | None = None
        self._prefixes: dict[str, int] = {}
        self._origins: dict[tuple[str, int], bool] = {}

    def seed_urls(self, seed: int) -> Sequence[str]:
        """The seed's URL and those that joined it; by minus its number, too."""
        return self._seeds.get(abs(seed), ())

    def join(self, seed: int, url: str) -> bool:
        """From now on the URL is in the seed's scope, too. False if it is one of its URLs already."""
        urls = self._seeds.setdefault(seed, [])
        if url in urls:
            return False
        urls.append(url)
        self._areas.pop(seed, None)
        self._areas.pop(-seed, None)
        self._homes = None
        self._origins.clear()
        return True

    def holds(self, url: str, seed: int) -> bool:
        """Whether the seed's scope holds the URL."""
        kind = self._kind_of(seed)
        if kind is ScopeKind.ANY:
            return True
        if kind is ScopeKind.PAGE:
            return url in self._area(seed)
        if kind is ScopeKind.PREFIX:
            return any(url.startswith(prefix) for prefix in self._area(seed))
        return self.on_host(url, seed)

    def on_host(self, url: str, seed: int) -> bool:
        """Whether it is on a host of the seed's; scope `domain`: in one of its domains."""
        origin = url[: url.index("/", 8)]
        found = self._origins.get((origin, seed))
        if found is None:
            domain = self._kind_of(seed) is ScopeKind.DOMAIN
            found = self._place(url, domain=domain) in {self._place(u, domain=domain) for u in self.seed_urls(seed)}
            if len(self._origins) > REMEMBERED_ORIGINS:
                self._origins.clear()
            self._origins[origin, seed] = found
        return found

    def seed_for(self, url: str) -> int | None:
        """The seed whose scope holds the URL, or else one on the same host (scope `domain`: in the same domain); None
        where no seed is. For a URL that the site itself names, in a sitemap."""
        if self._homes is None:
            self._find_homes()
        homes = self._homes or {}
        slash = url.find("/", 8) if self._prefixes else -1
        for _ in range(MAX_PREFIX_DEPTH):
            if slash < 0:
                break
            if url[: slash + 1] in self._prefixes:
                return self._prefixes[url[: slash + 1]]
            slash = url.find("/", slash + 1)
        found = homes.get(url) or homes.get(self._place(url, domain=False))
        if found is None and self._suffixes is not None:
            found = homes.get(self._place(url, domain=True))
        return found

    def _find_homes(self) -> None:
        homes: dict[str, int] = {}
        prefixes: dict[str, int] = {}
        self._homes, self._prefixes = homes, prefixes
        for number, urls in self._seeds.items():
            kind = self._kind_of(number)
            for area in self._area(number):
                (prefixes if kind is ScopeKind.PREFIX else homes).setdefault(area, number)
            for url in urls:
                homes.setdefault(self._place(url, domain=kind is ScopeKind.DOMAIN), number)

    def _area(self, seed: int) -> frozenset[str]:
        area = self._areas.get(seed)
        if area is None:
            urls = self.seed_urls(seed)
            if self._kind_of(seed) is ScopeKind.PREFIX:
                urls = [url.partition("?")[0].rpartition("/")[0] + "/" for url in urls]
            area = self._areas[seed] = frozenset(urls)
        return area

    def _place(self, url: str, *, domain: bool) -> str:
        """Host and port, the default ports of http and https being one; for `domain` the registrable domain."""
        scheme = url[: url.index("//") + 2]
        authority = url[len(scheme) : url.index("/", 8)]
        if not domain:
            return authority.removesuffix(_DEFAULT_PORTS[scheme])
        if self._suffixes is None:
            self._suffixes = PublicSuffixList()
        host = re.sub(r":\d+$", "", authority).rstrip(".")
        if _IP_ADDRESS.fullmatch(host):
            return host  # its numbers are no labels: 192.0.2.1 and 198.51.2.1 have no domain in common
        return self._suffixes.privatesuffix(host) or host
