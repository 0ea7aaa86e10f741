"""What people hand in: the table of options, the command line, crawl.toml, and the words to go on with."""
