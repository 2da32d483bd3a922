"""What statements run on: a transaction of an engine."""
