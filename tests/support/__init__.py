"""What several tests share: servers, an independent link walk, small tools. Nothing here is imported by the program."""
