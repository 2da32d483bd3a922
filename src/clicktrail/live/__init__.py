"""Clicks as they arrive, for whoever watches."""
