"""The page of matching: does this molecule have these spectra? Models beside counting lines, controls and the paper."""
