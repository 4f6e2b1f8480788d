"""A person's own images, kept on the disk: what they are, whose, and which part is for what."""
