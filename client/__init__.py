"""What a script uses: queries in the dataset's own words, and downloads of what they find."""
