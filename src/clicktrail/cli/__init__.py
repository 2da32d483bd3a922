"""The command line: `clicktrail serve`, `token`, `client`, `settings`, `doctor`."""

from clicktrail.cli.main import main

__all__ = ["main"]
