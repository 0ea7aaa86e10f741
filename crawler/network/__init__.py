"""How requests get to hosts: names and addresses, routes and proxies, TLS, the aiohttp session."""
