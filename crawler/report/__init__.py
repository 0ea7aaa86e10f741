"""What a crawl tells people while it runs and when it has ended."""
