"""What a person brings back: a configuration as JSON, weights as safetensors. Nothing executes."""

from core.bring_in.configuration import configuration
from core.bring_in.header import BringInError
from core.bring_in.weights import MAX_BYTES, Brought, weights

__all__ = ["MAX_BYTES", "BringInError", "Brought", "configuration", "weights"]
