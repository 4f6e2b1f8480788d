"""What pages share: session keys, the address, widgets, charts and words."""
