"""The page of properties: models and baselines of MoleculeNet tasks, pre-training, data and the paper."""
