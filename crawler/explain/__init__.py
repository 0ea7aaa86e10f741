"""`python -m crawler explain DIR URL`: why a URL was fetched or not, what became of it, what it waits for."""
