"""What a script uses to open, search and download: the room is kept, nothing lives here yet."""
