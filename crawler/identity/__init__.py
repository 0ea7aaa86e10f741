"""Who asks: the name a crawl goes by, cookies, and credentials kept to those they are for."""
