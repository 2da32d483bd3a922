"""Frozen values, and the small pure functions that read and write them. No I/O."""
