"""Many dates of one place: stacks, time series, animations, composites."""
