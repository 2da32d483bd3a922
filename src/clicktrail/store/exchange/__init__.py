"""Imports, exports, and moving a store to another engine."""
