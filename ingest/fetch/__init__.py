"""`worldstrat fetch`: the published archives, from Zenodo or a mirror, whatever the line does."""
