"""From strokes, pictures and photographs to the 28 x 28 pixels that a network is shown."""
