"""Looking at an archive in a browser."""
