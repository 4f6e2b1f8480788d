"""The machine that computes: its devices, its cores, and what others want of them."""
