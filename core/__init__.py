"""Everything of NetSketch that would be the same without a browser."""

import os

# Read by libgomp when torch is first imported, so it is set before anything of core is. At every
# barrier a waiting thread spins this often before it sleeps. With 3,000 the other threads fell
# asleep 25 times a step; 30,000 (about half a millisecond) bridges what the training thread does
# alone between two parallel stretches, but not how far the threads of a large layer drift apart: 8
# times a step at batches of 256 of the widest network, against fewer than 2 with 100,000. The
# default of 300,000 gains nothing more and burns three times as long where another program wants
# the core; see core.sharing.
os.environ.setdefault("GOMP_SPINCOUNT", "100000")

# Read by cuBLAS when a GPU is first used: products come out the same to the last bit each time, for
# which it keeps eight pieces of 4 MiB.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
