"""New places, drawn the way the authors drew theirs: stratified by land cover and degree of urbanisation."""
