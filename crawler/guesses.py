"""Whether guessing is worth it: strings in scripts that look like addresses are tried, host by host, while some are."""

from __future__ import annotations

TRIED = 20
"""So many guesses of a host are tried before it is judged."""
MISSED = 0.8
"""A host of whose guesses a greater part is missing is asked for none any more."""
_MISSING = frozenset({404, 410})


class Guesses:
    """How the guesses of each host fared in this run."""

    def __init__(self) -> None:
        self._hosts: dict[str, tuple[int, int]] = {}

    def note(self, host: str, status: int | None) -> None:
        """A guess was answered; None is no answer at all, which says nothing of the guess."""
        if status is not None:
            tried, missed = self._hosts.get(host, (0, 0))
            self._hosts[host] = tried + 1, missed + (status in _MISSING)

    def are_futile(self, host: str) -> bool:
        """True for a host whose guesses mostly led nowhere."""
        tried, missed = self._hosts.get(host, (0, 0))
        return tried >= TRIED and missed > MISSED * tried
