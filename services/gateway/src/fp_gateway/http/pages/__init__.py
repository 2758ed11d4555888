"""Pages for people: plain HTML without script."""
