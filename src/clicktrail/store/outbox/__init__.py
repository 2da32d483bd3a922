"""Postbacks and their deliveries: written with what they tell of, sent afterwards."""
