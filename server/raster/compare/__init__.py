"""Two images of one place on one grid: pictures, differences, numbers, and how far they are apart."""
