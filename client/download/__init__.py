"""A search streamed into files: verified, resumable, in the layout that the user's code expects."""
