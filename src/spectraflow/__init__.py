"""SpectraFlow: from raw public spectra to compared models that link molecules with their spectra."""

__version__ = "0.1.0"
