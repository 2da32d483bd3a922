"""Fast paths for the most frequent requests: no router, no content negotiation."""
