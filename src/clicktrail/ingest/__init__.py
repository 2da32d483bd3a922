"""From a hit to a recorded click. Knows nothing of the store: it is handed a sink."""
