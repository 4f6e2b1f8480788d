"""Everything of NetSketch that would be the same without a browser."""

import os

# libgomp reads this when torch is first imported, so it is set before any module of core imports
# torch. A thread that waits at a barrier spins this many times before it sleeps. With 3,000 the
# waiting threads fell asleep 25 times a training step; 30,000 (about half a millisecond) bridges
# what the training thread does alone between two parallel stretches, but not how far the threads of
# a large layer drift apart: they fell asleep 8 times a step at batches of 256 of the widest
# network, against fewer than 2 times with 100,000. libgomp's default of 300,000 gains nothing more
# and burns three times as long where another program wants the core; see core.machine.thread_team.
os.environ.setdefault("GOMP_SPINCOUNT", "100000")

# cuBLAS reads this when a GPU is first used. With eight work spaces of 4 MiB, its matrix products
# come out the same to the last bit each time.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
