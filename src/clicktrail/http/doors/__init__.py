"""Shorter ways for the requests that come most often: no router, no content negotiation."""
