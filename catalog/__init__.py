"""What WorldStrat is, in STAC: bands, classes, items, collections; into pgSTAC and out of it."""
