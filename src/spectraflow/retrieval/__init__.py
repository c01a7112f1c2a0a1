"""Ranking the molecules of a library against held-out spectra, whatever scores them."""
