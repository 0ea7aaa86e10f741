"""What was captured before: identical payloads become revisits, later rounds ask only for what has changed."""
