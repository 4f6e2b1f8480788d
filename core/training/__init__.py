"""The training loop and all that it needs: knows no threads of pages and no disk."""
