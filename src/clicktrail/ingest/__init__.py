"""Turns a hit into a recorded click. Does not know the store: it gets a sink."""
