"""Whose request it is, and how many requests one address may make."""
