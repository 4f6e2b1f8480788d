"""The tutorial's lines that read the digits and hold some back, as `core.data.loading` does."""

from pathlib import Path

from core.data.catalogue import info_of
from core.data.held_out import SPLIT_SEED
from core.data.npz import npz_path
from core.data.own.kept import images_path, is_own
from core.spec import RunSpec

_SPLIT = f'''\
def split(labels, num_held):
    """Split row numbers in two, the second `num_held` long: every digit has its share in both."""
    rows = np.arange(len(labels))
    return train_test_split(rows, test_size=num_held, stratify=labels, random_state={SPLIT_SEED})


'''

_EMBEDDED = """\
pixels, digits = mnist_data()
images = torch.from_numpy(pixels.astype(np.uint8)).reshape(-1, 1, 28, 28).to(DEVICE)
labels = torch.from_numpy(digits).to(DEVICE)
rest, test = split(digits, {test})
train, validation = (rest[rows] for rows in split(digits[rest], {validation}))
train_images, train_labels = images[train], labels[train]
validation_images, validation_labels = images[validation], labels[validation]
test_images, test_labels = images[test], labels[test]"""

_MNIST = '''\
def read(name, header):
    """Read one of MNIST's files without its header; download it where it is missing."""
    path = FOLDER / name
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(f"{{MIRROR}}{{name}}.gz") as answer:
            path.write_bytes(gzip.decompress(answer.read()))
    return torch.from_numpy(np.fromfile(path, np.uint8, offset=header))


FOLDER = Path(os.environ.get("NETSKETCH_DATA", "data"), "mnist", "MNIST", "raw")
MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
images = read("train-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28).to(DEVICE)
labels = read("train-labels-idx1-ubyte", 8).long().to(DEVICE)
train, validation = split(labels.cpu().numpy(), {validation})
train_images, train_labels = images[train], labels[train]
validation_images, validation_labels = images[validation], labels[validation]
test_images = read("t10k-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28).to(DEVICE)
test_labels = read("t10k-labels-idx1-ubyte", 8).long().to(DEVICE)'''


# As NetSketch keeps all other data sets: four arrays in one file.
_NPZ = """\
FILE = Path(os.environ.get("NETSKETCH_DATA", "data"), {path})
with np.load(FILE) as stored:
    images = torch.from_numpy(stored["train_images"]).reshape(-1, 1, 28, 28).to(DEVICE)
    labels = torch.from_numpy(stored["train_labels"]).to(DEVICE)
    test_images = torch.from_numpy(stored["test_images"]).reshape(-1, 1, 28, 28).to(DEVICE)
    test_labels = torch.from_numpy(stored["test_labels"]).to(DEVICE)
train, validation = {parts}
train_images, train_labels = images[train], labels[train]
validation_images, validation_labels = images[validation], labels[validation]"""


def data_code(spec: RunSpec) -> str:
    """Write the lines that make train, validation and test images and labels on DEVICE."""
    info = info_of(spec.data)
    if spec.data in ("embedded", "mnist"):
        read = _EMBEDDED if spec.data == "embedded" else _MNIST
        return _SPLIT + read.format(validation=info.validation, test=info.test)
    path = ", ".join(f'"{part}"' for part in file_of(spec.data))
    if is_own(spec.data):
        # The images of an own data set lie in the order in which they were divided.
        parts = f"np.split(np.arange(len(labels)), [{info.train}])"
        return _NPZ.format(path=path, parts=parts)
    parts = f"split(labels.cpu().numpy(), {info.validation})"
    return _SPLIT + _NPZ.format(path=path, parts=parts)


def file_of(key: str) -> tuple[str, ...]:
    """Return where a data set other than MNIST's lies in the data folder, part by part."""
    root = Path()
    path = images_path(key, root) if is_own(key) else npz_path(root, key)
    return path.parts
