"""A person's file on its way to a data set: read as a stranger's, and told what came of it."""
