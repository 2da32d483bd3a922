"""Clicktrail: records clicks on partner links and says which click brought which client."""

__version__ = "0.2.0.dev0"
