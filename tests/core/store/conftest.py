from tests.core.store.samples import faults, no_waiting

__all__ = ["faults", "no_waiting"]
