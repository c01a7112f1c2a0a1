"""Comparators of the matching network that see no images."""
