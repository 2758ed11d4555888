"""Other issuers: what they publish, what they answer, what they signed."""
