"""A bell for those who wait until something has happened again; ringing it costs nothing while nobody waits."""

from __future__ import annotations

import asyncio


class News:
    """Counts what happened. `after(count)` waits until more has happened than that, or nothing will any more."""

    def __init__(self) -> None:
        self.count = 0
        self.over = False
        """True once nothing more will happen."""
        self._waiting: set[asyncio.Future[None]] = set()

    def tell(self) -> None:
        self.count += 1
        if self._waiting:
            self._wake()

    def end(self) -> None:
        """Nothing more will happen."""
        self.over = True
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, set()
        for each in waiting:
            if not each.done():
                each.set_result(None)

    async def after(self, count: int) -> None:
        """Returns once `self.count` is not `count` any more, or at the end."""
        if self.count != count or self.over:
            return
        told = asyncio.get_running_loop().create_future()
        self._waiting.add(told)
        try:
            await told
        finally:
            self._waiting.discard(told)
