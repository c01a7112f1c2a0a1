"""MMFRL: relational pre-training on molecules with 13C spectra, fusion, and MoleculeNet (arXiv 2410.12128)."""
