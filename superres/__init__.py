"""How Sentinel-2 becomes 2.5 m: model files, inference on an item's own grid, training and evaluation."""
