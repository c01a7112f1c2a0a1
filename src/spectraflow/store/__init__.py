"""Arrow tables as flat tensors with offsets, and batches by index arithmetic."""
