"""Small general pieces of asyncio that know nothing of HTTP or archives: each does one thing and is tested alone."""
