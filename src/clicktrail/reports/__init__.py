"""What a report is: its metrics, dimensions, periods, buckets and comparison. Pure; the store answers it."""
