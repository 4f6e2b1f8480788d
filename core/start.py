"""What must be right before a server starts: its settings, and the environment's names for it.

    python -m core.start

says what is wrong and exits with 1, or says nothing and exits with 0.
"""

import sys

from core.serving.environment import require_sound
from core.words.errors import UserError


def main() -> int:
    """Say on stderr what is wrong; return the exit status."""
    try:
        require_sound()
    except UserError as error:
        print(f"NetSketch does not start. {error}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
