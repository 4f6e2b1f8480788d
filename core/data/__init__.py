"""The data sets that there are, where they come from, and how they are read."""
