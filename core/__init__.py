"""Everything of NetSketch that would be the same without a browser."""

import os

# Read by libgomp when torch is first imported, so it is set before anything of core is. At every
# barrier a waiting thread spins this often before it sleeps. The default of 300,000 (about 5 ms)
# burns the very core that the other thread needs when a browser or another program shares the
# machine; 3,000 costs nothing on an idle one.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")
