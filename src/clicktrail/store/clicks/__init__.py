"""Clicks are inserted, changed and deleted here."""
