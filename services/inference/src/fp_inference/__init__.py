"""Routes and answers predictions."""
