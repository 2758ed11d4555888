"""The certificates of a laptop: an authority of its own, and what it issues."""
