"""K-M3AID: alignment of 13C spectra with molecular graphs and of peaks with carbons."""
