"""What is known of a running server: counts, gauges, health and the log."""
