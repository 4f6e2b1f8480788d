"""What the Article page computes: real numbers for each step of a tutorial article.

Pages compute on one thread beside a run that may be training, so nothing here draws from PyTorch's
global generators, and whatever takes longer than a moment is done on demand.
"""
