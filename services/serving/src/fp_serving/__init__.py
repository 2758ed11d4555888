"""One model version behind a port."""
