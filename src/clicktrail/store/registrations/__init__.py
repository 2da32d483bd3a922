"""Decides which click earned a client, and stores the decision with the clicks that were considered."""
