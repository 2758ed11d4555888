"""Who calls: from a bearer credential to a verified principal."""
