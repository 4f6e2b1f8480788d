"""Sentences, numbers and colours as people meet them, in each language."""
