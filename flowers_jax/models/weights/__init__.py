"""Weight files: how they are read, and where the published ones come from."""
