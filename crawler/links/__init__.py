"""Links: what a document refers to, and in which role."""

from crawler.links.document import Document
from crawler.links.registry import EXTRACTORS, Extractor, extract, understood

__all__ = ["EXTRACTORS", "Document", "Extractor", "extract", "understood"]
