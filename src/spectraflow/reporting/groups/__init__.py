"""The page of functional groups: models of several spectra compared, looked into and drawn."""
