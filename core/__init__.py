"""Everything of NetSketch that would be the same without a browser."""

import os

# Read by libgomp when torch is first imported, so it is set before anything of core is. At every
# barrier a waiting thread spins this often before it sleeps. 30,000 (about half a millisecond) is
# just long enough to bridge what the training thread does alone between two parallel stretches:
# with 3,000 the other threads fell asleep 25 times a step. The default of 300,000 gains nothing and
# burns ten times as long where another program wants the core; see core.sharing.
os.environ.setdefault("GOMP_SPINCOUNT", "30000")
