"""SpecMol-MatchNet: does this molecule match these two NMR spectra?"""
