"""A small web site that is bundled with the crawler, so that it can be tried without any network."""

from __future__ import annotations

DEMO_HOST = "demo.test"
"""Reserved by RFC 6761: no name under `.test` ever leads anywhere in the real DNS."""

DEMO_URL = f"http://{DEMO_HOST}/"
