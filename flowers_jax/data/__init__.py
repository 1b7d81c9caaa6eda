"""Source -> split -> decode, resize, cache -> batches on the device -> augment."""
