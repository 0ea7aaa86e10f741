"""The program's name and version; the package's metadata is made from this."""

from __future__ import annotations

NAME = "annals"
VERSION = "0.1.0"
