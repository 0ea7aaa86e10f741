"""The tests, in one package so that each can name its helpers as `tests.support.…`."""
