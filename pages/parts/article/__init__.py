"""The sections of the Article page, one a file, and the pieces that they share."""
