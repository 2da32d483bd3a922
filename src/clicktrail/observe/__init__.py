"""Observing a running server: counts, gauges, health and the log."""
