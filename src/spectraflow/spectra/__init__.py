"""Spectra: peak lists, vectors, simulation."""
