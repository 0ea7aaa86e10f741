"""The wire: exactly the bytes that aiohttp sends and receives, caught beneath it.

    fetcher ── Transcript ──┐ CURRENT (a context variable ties the request to its connection)
    aiohttp ── TapConnector.connect() ── ResponseHandler ◄── Tap ◄── transport ◄── socket
                                         └────────────► Tee ────────► transport ──► socket

aiohttp keeps its trade (pool, TLS, timeouts, request), but never has the last word on what was received: the Tap keeps
every byte before aiohttp sees it, and a ResponseFramer, not aiohttp's parser, tells where the message ends.
"""

from crawler.wire.connector import AddressBarred, ProxyFailed, ResendVetoed, TapConnector
from crawler.wire.transcript import CURRENT, Ending, Transcript

__all__ = ["CURRENT", "AddressBarred", "Ending", "ProxyFailed", "ResendVetoed", "TapConnector", "Transcript"]
