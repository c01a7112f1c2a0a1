"""Chemistry of single molecules: identity, graphs, scaffolds, functional groups, depictions."""
