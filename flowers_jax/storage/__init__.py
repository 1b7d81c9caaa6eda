"""Files that are written completely or not at all, the cache, and downloads into it."""
