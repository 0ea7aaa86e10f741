"""What became of one request: whole, cut off, or failed, and why. Decided from what was received, without I/O."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl

import aiohttp
from msgspec import Struct

from crawler.model import Failure, FailureKind, Truncation
from crawler.wire import AddressBarred, Ending, ProxyFailed, Transcript


class Verdict(Struct, frozen=True):
    """Both None for a whole answer."""

    truncated: Truncation | None = None
    failure: Failure | None = None


WHOLE = Verdict()


def judge(url: str, transcript: Transcript, error: Exception | None, *, expired: bool, timeout: float) -> Verdict:
    """`error` is what aiohttp raised, `expired` tells that the time for the whole fetch was over, `timeout` is the
    longest silence allowed."""
    if transcript.ending is Ending.COMPLETE:
        return WHOLE
    where = _printable(_host(url))
    if not transcript.begun:
        if isinstance(_root(error), AddressBarred):
            return Verdict(None, address_failure(transcript.barred[0]))
        return Verdict(None, _not_connected(where, error, expired=expired, timeout=timeout))
    if transcript.response.size == 0:
        return Verdict(None, _no_answer(where, transcript, error, expired=expired, timeout=timeout))
    return _partial(where, transcript, error, expired=expired, timeout=timeout)


def _partial(where: str, transcript: Transcript, error: Exception | None, *, expired: bool, timeout: float) -> Verdict:
    framer, ending = transcript.framer, transcript.ending
    if framer.is_http is False:
        cut = {Ending.LENGTH: Truncation.LENGTH, Ending.CLOSED: None, Ending.RESET: Truncation.DISCONNECT}
        return Verdict(
            cut.get(ending, Truncation.TIME) if ending else Truncation.TIME,
            Failure(FailureKind.NOT_HTTP, f"{where} answered with something else than HTTP"),
        )
    if framer.error:
        return _bad_framing(where, framer.error)
    if ending is Ending.LENGTH:
        return Verdict(Truncation.LENGTH)
    if ending is Ending.RESET:
        return Verdict(Truncation.DISCONNECT, _disconnect(f"{where} reset the connection", transcript.lost))
    timed_out = expired or isinstance(error, TimeoutError)
    if transcript.refused and framer.head_end is None and not timed_out:
        return _bad_framing(where, _refusal(error))
    if ending is Ending.CLOSED:
        return Verdict(Truncation.DISCONNECT, _disconnect(f"{where} closed the connection before the answer was whole"))
    if expired and framer.head_end is not None:
        return Verdict(Truncation.TIME)  # the answer was there, only too slow to be had in full
    if timed_out or ending is Ending.SILENCE:
        what = "nothing more of the answer came"
        return Verdict(Truncation.TIME, _timeout(where, what, expired=expired, timeout=timeout))
    return Verdict(Truncation.UNSPECIFIED, Failure(FailureKind.INTERNAL, f"{where}: {_one_line(error)}"))


def _no_answer(
    where: str, transcript: Transcript, error: Exception | None, *, expired: bool, timeout: float
) -> Failure:
    if transcript.ending is Ending.RESET:
        return _disconnect(f"{where} reset the connection without an answer", transcript.lost)
    if transcript.ending is Ending.CLOSED or isinstance(error, ConnectionError | aiohttp.ClientConnectionResetError):
        return _disconnect(f"{where} closed the connection without an answer")
    if expired or transcript.ending is Ending.SILENCE or isinstance(error, TimeoutError):
        return _timeout(where, "no answer came", expired=expired, timeout=timeout)
    return Failure(FailureKind.INTERNAL, f"{where}: {_one_line(error)}")


def _not_connected(where: str, error: Exception | None, *, expired: bool, timeout: float) -> Failure:
    cause = _cause(error)
    if expired or isinstance(error, TimeoutError):
        return _timeout(where, "no connection came about", expired=expired, timeout=timeout)
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return Failure(FailureKind.CONNECT, f"cannot connect to the proxy: {cause}")
    if isinstance(error, ProxyFailed | aiohttp.ClientHttpProxyError):
        why = f"{error.status} {error.message}" if isinstance(error, aiohttp.ClientHttpProxyError) else str(error)
        return Failure(FailureKind.CONNECT, f"the proxy does not connect to {where}: {_printable(why)}")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Failure(FailureKind.DNS, f"cannot resolve {where}: {cause}")
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return Failure(FailureKind.TLS, f"no TLS connection to {where}: {cause}")
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, ConnectionResetError | ConnectionAbortedError):
            # The TCP connection was there: only the handshake on top of it can have been broken off.
            return Failure(FailureKind.TLS, f"{where} broke off the TLS handshake: {cause}")
        return Failure(FailureKind.CONNECT, f"cannot connect to {where}: {cause}")
    if isinstance(error, aiohttp.ClientConnectionError | ConnectionError):
        return _disconnect(f"{where} closed the connection before the request was sent")
    if isinstance(error, ValueError | aiohttp.NonHttpUrlClientError):  # aiohttp's and yarl's InvalidURL among them
        return Failure(FailureKind.INVALID_URL, f"no request can be made for it: {_one_line(error)}")
    return Failure(FailureKind.INTERNAL, f"{where}: {_one_line(error)}")


def address_failure(why: str) -> Failure:
    """`why` is an Access's refusal."""
    return Failure(FailureKind.ADDRESS, f"{why}; --allow-private would ask it")


def _bad_framing(where: str, why: str) -> Verdict:
    return Verdict(Truncation.UNSPECIFIED, Failure(FailureKind.BAD_FRAMING, f"{where} sent a malformed answer: {why}"))


def _refusal(error: Exception | None) -> str:
    """aiohttp's reason without the bytes it quotes below it."""
    if isinstance(error, aiohttp.ClientResponseError):
        return error.message.partition("\n")[0].strip(" :")
    return _one_line(error)


def _disconnect(what: str, cause: BaseException | None = None) -> Failure:
    return Failure(FailureKind.DISCONNECT, what if cause is None else f"{what}: {_cause(cause)}")


def _timeout(where: str, what: str, *, expired: bool, timeout: float) -> Failure:
    bound = "and the time for the whole fetch is over" if expired else f"for {timeout:g} s"
    return Failure(FailureKind.TIMEOUT, f"{where}: {what} {bound}")


def _cause(error: BaseException | None) -> str:
    """The operating system's or OpenSSL's own words, below aiohttp's."""
    root = _root(error)
    if isinstance(root, ssl.SSLCertVerificationError):
        return root.verify_message
    if isinstance(root, ssl.SSLError) and root.reason:
        if root.reason == "WRONG_VERSION_NUMBER":  # OpenSSL's word for the bytes of any protocol but TLS
            return "what answers there does not speak TLS; http:// may reach it"
        return root.reason.replace("_", " ").lower()
    if isinstance(root, OSError) and root.strerror:
        # asyncio puts its own words into strerror; getaddrinfo's numbers are not errno's
        return root.strerror if isinstance(root, socket.gaierror) or not root.errno else os.strerror(root.errno)
    return _one_line(root)


def _root(error: BaseException | None) -> BaseException | None:
    while error is not None and error.__cause__ is not None:
        error = error.__cause__
    return error


def _one_line(error: BaseException | None) -> str:
    text = "" if error is None else f"{type(error).__name__}: {error}".strip(": ")
    if isinstance(error, asyncio.TimeoutError) and not str(error):
        text = "timed out"
    return _printable(" ".join(text.split()))[:200]


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _host(url: str) -> str:
    """The authority as it stands in the URL, without user and password."""
    rest = url.partition("://")[2]
    for end in "/?#":
        rest = rest.partition(end)[0]
    return rest.rpartition("@")[2] or url
