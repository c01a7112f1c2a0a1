"""Raw public sources and their readers: native files in, canonical tables and rejects out."""
