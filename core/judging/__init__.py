"""What test images say of a network, of two, and of what it makes of one image."""
