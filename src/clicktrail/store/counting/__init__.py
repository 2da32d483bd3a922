"""Figures of links, repeats, and the visitors that have been seen."""
