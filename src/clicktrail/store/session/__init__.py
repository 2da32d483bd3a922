"""What a statement runs on: one transaction of an engine."""
