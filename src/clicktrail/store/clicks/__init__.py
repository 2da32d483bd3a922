"""Inserts, changes and deletes clicks."""
