"""The demo as a story: each chapter is a file, and can run alone."""
