"""What is downloaded for each data set, and from where.

Addresses and checksums are torchvision's; its own download knows neither progress nor how to go
on after a break, so that only they are taken from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from core.words.message import N_


@dataclass(frozen=True)
class RemoteFile:
    """One file as it travels.

    Attributes:
        name: of the file.
        size: in bytes, or about; the server's word wins.
        md5: of the file.
    """

    name: str
    size: int
    md5: str


@dataclass(frozen=True)
class Source:
    """Files that are downloaded together.

    Attributes:
        key: names it.
        name: what its makers call it.
        title: the same in a sentence, where it tells this one from others of that name.
        mirrors: addresses of folders that hold the files, tried in order.
        files: what has to arrive.
        kept: bytes on the disk once it is unpacked.
    """

    key: str
    name: str
    title: str
    mirrors: tuple[str, ...]
    files: tuple[RemoteFile, ...]
    kept: int

    @property
    def size(self) -> int:
        """Bytes that travel, or about."""
        return sum(file.size for file in self.files)


SOURCES: Final[Mapping[str, Source]] = MappingProxyType(
    {
        source.key: source
        for source in (
            Source(
                "mnist",
                "MNIST",
                N_("full MNIST"),
                (
                    "https://ossci-datasets.s3.amazonaws.com/mnist/",
                    "http://yann.lecun.com/exdb/mnist/",
                ),
                (
                    RemoteFile(
                        "train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"
                    ),
                    RemoteFile(
                        "train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"
                    ),
                    RemoteFile(
                        "t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"
                    ),
                    RemoteFile(
                        "t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"
                    ),
                ),
                54_950_048,
            ),
            Source(
                "fashion",
                "Fashion-MNIST",
                "Fashion-MNIST",
                ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
                (
                    RemoteFile(
                        "train-images-idx3-ubyte.gz", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"
                    ),
                    RemoteFile(
                        "train-labels-idx1-ubyte.gz", 29_515, "25c81989df183df01b3e8a0aad5dffbe"
                    ),
                    RemoteFile(
                        "t10k-images-idx3-ubyte.gz", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"
                    ),
                    RemoteFile(
                        "t10k-labels-idx1-ubyte.gz", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"
                    ),
                ),
                55_000_000,
            ),
            Source(
                "kmnist",
                "KMNIST",
                "KMNIST",
                ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
                (
                    RemoteFile(
                        "train-images-idx3-ubyte.gz", 18_165_135, "bdb82020997e1d708af4cf47b453dcf7"
                    ),
                    RemoteFile(
                        "train-labels-idx1-ubyte.gz", 29_497, "e144d726b3acfaa3e44228e80efcd344"
                    ),
                    RemoteFile(
                        "t10k-images-idx3-ubyte.gz", 3_041_136, "5c965bf0a639b31b8f53240b1b52f4d7"
                    ),
                    RemoteFile(
                        "t10k-labels-idx1-ubyte.gz", 5_120, "7320c461ea6c1c855c0b718fb2a4b134"
                    ),
                ),
                55_000_000,
            ),
            Source(
                "emnist",
                "EMNIST",
                "EMNIST",
                ("https://biometrics.nist.gov/cs_links/EMNIST/",),
                (RemoteFile("gzip.zip", 561_753_746, "58c8d27c78d21e728a6bc7b3cc06412e"),),
                438_000_000,
            ),
            Source(
                "qmnist",
                "QMNIST",
                "QMNIST",
                ("https://raw.githubusercontent.com/facebookresearch/qmnist/master/",),
                (
                    RemoteFile(
                        "qmnist-train-images-idx3-ubyte.gz",
                        9_704_059,
                        "ed72d4157d28c017586c42bc6afe6370",
                    ),
                    RemoteFile(
                        "qmnist-train-labels-idx2-int.gz",
                        463_024,
                        "0058f8dd561b90ffdd0f734c6a30e5e4",
                    ),
                    RemoteFile(
                        "qmnist-test-images-idx3-ubyte.gz",
                        9_742_279,
                        "1394631089c404de565df7b7aeaf9412",
                    ),
                    RemoteFile(
                        "qmnist-test-labels-idx2-int.gz",
                        526_800,
                        "5b5b05890a5e13444e108efe57b788aa",
                    ),
                ),
                94_000_000,
            ),
            Source(
                "usps",
                "USPS",
                "USPS",
                ("https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/",),
                (
                    RemoteFile("usps.bz2", 6_579_383, "ec16c51db3855ca6c91edd34d0e9b197"),
                    RemoteFile("usps.t.bz2", 1_831_726, "8ea070ee2aca1ac39742fdd1ef5ed118"),
                ),
                7_400_000,
            ),
        )
    }
)
