"""Control of single hosts while a crawl runs: `crawl.hosts["example.com"].delay = 2`. Kept for this session only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from crawler.config import CrawlConfig
from crawler.frontier import HostControl
from crawler.politeness import HostWish, Pace


class Host:
    """One host name. What is set holds at once; a host's Crawl-delay and Retry-After stay in force."""

    def __init__(self, name: str, wish: HostWish, config: CrawlConfig, control: HostControl) -> None:
        self.name = name
        self._wish, self._config, self._control = wish, config, control

    def __repr__(self) -> str:
        return f"<Host {self.name}{' paused' if self.paused else ''} delay={self.delay} per_host={self.per_host}>"

    @property
    def delay(self) -> float | None:
        """Seconds between two requests; None is `auto`: five times what an answer takes. Raises InvalidSetting."""
        return self._wish.delay if self._wish.has_delay else self._config.delay

    @delay.setter
    def delay(self, seconds: float | None) -> None:
        replace(self._config, delay=seconds)  # refuses what the option would refuse
        self._wish.delay, self._wish.has_delay = seconds, True
        self._tell()

    @property
    def per_host(self) -> int:
        """Requests to it that may be in flight at a time. Raises InvalidSetting."""
        return self._wish.per_host or self._config.per_host

    @per_host.setter
    def per_host(self, count: int) -> None:
        replace(self._config, per_host=count)
        self._wish.per_host = count
        self._tell()

    @property
    def paused(self) -> bool:
        return self._wish.paused

    def pause(self) -> None:
        """Nothing more is asked of it before `resume`. While it has URLs left, the crawl does not end by itself."""
        self._wish.paused = True
        self._tell()

    def resume(self) -> None:
        self._wish.paused = False
        self._tell()

    @property
    def queued(self) -> int:
        """URLs of it that are left, as far as it is in memory: hosts are, while their turn is near."""
        return next((queued for pace, queued in self._control.paces() if pace.name == self.name), 0)

    @property
    def active(self) -> int:
        """Requests to it in flight."""
        pace = self._pace()
        return 0 if pace is None else pace.active

    def _pace(self) -> Pace | None:
        return next((pace for pace, _ in self._control.paces() if pace.name == self.name), None)

    def _tell(self) -> None:
        self._control.wish(self.name, self._wish)


class Hosts:
    """Hosts by name, whether the crawl has met them or not; iterating gives those in memory now."""

    def __init__(self, config: CrawlConfig, control: HostControl) -> None:
        self._config, self._control = config, control
        self._wishes: dict[str, HostWish] = {}

    def __getitem__(self, name: str) -> Host:
        name = name.lower()
        if not name or "/" in name or "@" in name:
            raise KeyError(f"{name!r} is not the name of a host")
        return Host(name, self._wishes.setdefault(name, HostWish()), self._config, self._control)

    def __iter__(self) -> Iterator[Host]:
        return iter([self[pace.name] for pace, _ in self._control.paces()])

    def resume(self) -> None:
        """Resumes those that are paused."""
        for name, wish in self._wishes.items():
            if wish.paused:
                self[name].resume()
