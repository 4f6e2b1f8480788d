"""The pages a person meets; each a straight-line script."""
