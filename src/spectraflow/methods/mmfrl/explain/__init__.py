"""What trained models of MoleculeNet tasks do inside: each figure with a number and a control (paper, Figs. 2 to 5)."""
