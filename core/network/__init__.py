"""The network that a spec describes: its layers, and all that is known of each kind of layer."""
