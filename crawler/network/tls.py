"""TLS as the options ask for it: whom to trust, and which certificate to show to whom."""

from __future__ import annotations

import ssl
from typing import Literal

from crawler.config import CrawlConfig
from crawler.errors import UsageError


def trust(config: CrawlConfig) -> ssl.SSLContext | Literal[True]:
    """Whom to trust, as aiohttp takes it: True is its own context of the system's authorities, made once already.

    Raises UsageError naming the option and the file."""
    return client_context(config) if config.ca_file is not None or config.insecure else True


def client_context(config: CrawlConfig) -> ssl.SSLContext:
    """The context for every host: the system's authorities and those of `ca_file`, or none at all with `insecure`.

    Raises UsageError naming the option and the file."""
    context = ssl.create_default_context()
    if config.ca_file is not None:
        try:
            context.load_verify_locations(cafile=config.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"--ca-file {config.ca_file}: {_sentence(error)}") from None
    if config.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def showing_certificate(config: CrawlConfig) -> ssl.SSLContext | None:
    """The same with the user's certificate, for the seeds' own hosts; None when there is none. Raises UsageError."""
    if config.client_cert is None:
        return None
    context = client_context(config)
    try:
        # An encrypted key would be asked for on the terminal, where nobody may be: it fails here instead.
        context.load_cert_chain(config.client_cert, config.client_key, password=lambda: "")
    except (OSError, ssl.SSLError, ValueError) as error:
        name = config.client_cert if config.client_key is None else f"{config.client_cert} with {config.client_key}"
        raise UsageError(f"--client-cert {name}: {_sentence(error)}") from None
    return context


def _sentence(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):  # an OSError, but errno is OpenSSL's
        reason = (error.reason or "").replace("_", " ").lower()
        return f"cannot be used: {reason}" if reason else "holds no certificate or key that can be read"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    return "cannot be used"
