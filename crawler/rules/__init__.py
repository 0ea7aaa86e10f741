"""The rules by which a URL is chosen: pure decisions, one a module; crawler/scope.py makes the chain of them."""
