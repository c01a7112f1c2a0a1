"""The embedded demo source: simulated raw files in every source's native format."""
