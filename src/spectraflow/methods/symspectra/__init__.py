"""SymSpectra: functional groups from several spectra at once, its baselines and its experiments."""
