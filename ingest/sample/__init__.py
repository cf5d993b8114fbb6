"""The built-in sample: procedural places in the published layout, so that a demo needs no download."""
