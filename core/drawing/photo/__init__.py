"""A digit found in a photograph: the file's pixels, ink and paper, and which ink is the digit."""
