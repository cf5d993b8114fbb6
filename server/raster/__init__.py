"""Items as pictures and numbers: tiles, crops, points, statistics and mosaics."""
