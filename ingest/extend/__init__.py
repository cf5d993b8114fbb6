"""New AOIs: their Sentinel-2 revisits found on any STAC API, ranked as the published ones, written in their layout."""
