from tests.core.runs.store.samples import faults, no_waiting

__all__ = ["faults", "no_waiting"]
