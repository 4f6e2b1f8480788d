"""What is measured beside the runs, as pages ask for it."""
