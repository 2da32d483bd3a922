"""Postbacks and their deliveries. A delivery is written with its click or registration, and sent afterwards."""
