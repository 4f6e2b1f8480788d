"""Import torchvision beside a torch that its compiled operators were not built for.

A CPU torch often stands beside a torchvision built for CUDA. torchvision then cannot load its
compiled operators, and its import ends in `operator torchvision::nms does not exist`, although
data sets, transforms and models need none of them.
"""

import importlib
import sys
import threading
from types import ModuleType
from typing import Final

import torch

# The schemas stand in torchvision's csrc/ops/nms.cpp and csrc/ops/quantized/cpu/qnms_kernel.cpp.
_SCHEMAS: Final = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_lock: Final = threading.Lock()
# torch withdraws the schemas as soon as nobody holds the library that declared them.
_libraries: Final[list[torch.library.Library]] = []


def import_torchvision() -> ModuleType:
    """Import torchvision, declaring the two operators it insists on where they are missing.

    Raises:
        ImportError, RuntimeError: torchvision fails in any other way.
    """
    with _lock:
        try:
            return importlib.import_module("torchvision")
        except RuntimeError as error:
            if "torchvision::nms does not exist" not in str(error):
                raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        if not _libraries:
            library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
            for schema in _SCHEMAS:
                library.define(schema)  # type: ignore[no-untyped-call]
            _libraries.append(library)
        return importlib.import_module("torchvision")
