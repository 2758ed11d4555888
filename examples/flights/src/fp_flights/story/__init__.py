"""The demo as a story: each chapter is a file, reads like one, and can be told alone."""
