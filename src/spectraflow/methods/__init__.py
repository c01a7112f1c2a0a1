"""One folder a method; methods never import each other."""
