"""How Sentinel-2 becomes 2.5 m: the room is kept, nothing lives here yet."""
