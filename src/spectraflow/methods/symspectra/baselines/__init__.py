"""The models SymSpectra is compared with."""
