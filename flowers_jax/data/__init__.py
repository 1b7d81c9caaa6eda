"""Source -> check -> split -> decode, resize, cache -> batches."""
