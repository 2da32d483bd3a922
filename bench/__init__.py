"""Benchmarks: `make bench`. They print medians, and ratios to a ceiling that was measured in the same run."""
