"""Search of whole libraries by embedding: shards on disk, exact and approximate search, filters, recall.

Nothing here imports torch: faiss and torch each bring an OpenMP of their own, and must not share a process.
"""
