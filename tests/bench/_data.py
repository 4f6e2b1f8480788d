"""Give benchmarks a data folder of their own, with all of MNIST in it where its files are at hand.

The four original files are looked for in `shared/mnist`, a folder beside the checkout.
"""

import gzip
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.data.loading import MNIST_FILES, mnist_root, raw_folder

_PACKED = Path(__file__).resolve().parents[3] / "shared" / "mnist"


@contextmanager
def data_folder_of_its_own() -> Iterator[str]:
    """Point NETSKETCH_DATA to a new folder; yield `mnist`, or `embedded` where that is all."""
    with tempfile.TemporaryDirectory(prefix="netsketch-bench-") as folder:
        before = os.environ.get("NETSKETCH_DATA")
        os.environ["NETSKETCH_DATA"] = folder
        try:
            yield "mnist" if _unpack(raw_folder(mnist_root(Path(folder)))) else "embedded"
        finally:
            if before is None:
                del os.environ["NETSKETCH_DATA"]
            else:
                os.environ["NETSKETCH_DATA"] = before


def _unpack(raw: Path) -> bool:
    raw.mkdir(parents=True)
    for file in MNIST_FILES:
        packed = _PACKED / f"{file.name}.gz"
        if not packed.is_file():
            return False
        with gzip.open(packed) as source, (raw / file.name).open("wb") as target:
            shutil.copyfileobj(source, target)
    return True
