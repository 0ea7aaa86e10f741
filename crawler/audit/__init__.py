"""Is everything there that the archived pages need? The extractors run over the archive, and the ledger answers.

reading     a kept URL -> its document, from the archive
needs       a document -> the requisites that the rules would have fetched (pure)
auditing    both, and how the crawl stands with each requisite
patching    a crawl that fetches just those that are missing
command     `python -m crawler audit DIR` and `patch DIR`
"""
