"""Annals: what to fetch, when, and fetching it."""
