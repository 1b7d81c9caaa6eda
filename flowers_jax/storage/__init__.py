"""Files that are whole or absent, the cache, and what is downloaded into it."""
