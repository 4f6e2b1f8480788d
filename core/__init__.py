"""Everything of NetSketch that would be the same without a browser."""
