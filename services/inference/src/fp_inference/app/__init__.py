"""One prediction from request id to event, and the routes it takes."""
