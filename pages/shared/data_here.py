"""Whether the person who looks can use a data set here and now."""

from core.data.loading import is_available
from core.runs.manager import runs
from pages.shared.person import person


def data_here(key: str) -> bool:
    """Tell whether a data set is on this computer, and not somebody else's own."""
    return is_available(key) and runs().own_data.may_use(key, person())
