"""What the requirements bring with them: `python -m tests.locked` writes it to constraints.txt.

A requirement names its own needs by ranges. So that the same commands install the same packages in
a year, `make` hands pip constraints.txt, in which each of these has the version that was tried.
Packages of CUDA are left out: PyTorch names their versions itself, and other ones on each system.
"""

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parent.parent
CONSTRAINTS: Final = ROOT / "constraints.txt"
_CUDA: Final = ("nvidia-", "cuda-", "triton", "pytorch-triton")
# What other systems need besides, by the marker that says which.
_ELSEWHERE: Final = {
    "appnope": ("1.0.0", 'sys_platform == "darwin"'),
    "colorama": ("0.4.6", 'sys_platform == "win32"'),
}
_HEADER: Final = """\
# What the requirements bring with them, as it was tried; `make locked` writes it anew.
# PyTorch's packages for CUDA are not here: it names their versions itself.
"""

Environment = Mapping[str, str]


def requirements(path: Path) -> Iterator[Requirement]:
    """Yield what a file of requirements names, and the files that it names."""
    for line in path.read_text().splitlines():
        words = line.partition("#")[0].strip()
        if words.startswith("-r"):
            yield from requirements(path.with_name(words.removeprefix("-r").strip()))
        elif words:
            yield Requirement(words)


def brought(environment: Environment | None = None) -> dict[str, str]:
    """Return the packages that the requirements need and do not name, with their versions here.

    Args:
        environment: what markers are judged by, such as another system's; this one by default. A
            package that is not installed here has the version "".
    """
    around = {**default_environment(), **(environment or {})}
    own = list(requirements(ROOT / "requirements-dev.txt"))
    named = {canonicalize_name(one.name) for one in own}
    seen: dict[str, set[str]] = {}
    versions: dict[str, str] = {}
    while own:
        one = own.pop()
        name, extras = canonicalize_name(one.name), set(one.extras)
        if name.startswith(_CUDA) or (name in seen and extras <= seen[name]):
            continue
        seen[name] = seen.get(name, set()) | extras
        try:
            found = distribution(name)
        except PackageNotFoundError:
            versions[name] = ""
            continue
        versions[name] = found.version
        for need in map(Requirement, found.requires or []):
            wanted = ["", *sorted(extras)]
            if need.marker is None or any(
                need.marker.evaluate({**around, "extra": extra}) for extra in wanted
            ):
                own.append(need)
    return {name: version for name, version in sorted(versions.items()) if name not in named}


def constraints() -> dict[str, str]:
    """Return what constraints.txt says: the version of each package."""
    return {
        canonicalize_name(one.name): str(one.specifier).removeprefix("==")
        for one in requirements(CONSTRAINTS)
    }


def main() -> None:
    """Write what is installed."""
    lines = [f"{name}=={version}" for name, version in brought().items() if name not in _ELSEWHERE]
    lines += [f"{name}=={version}; {where}" for name, (version, where) in _ELSEWHERE.items()]
    CONSTRAINTS.write_text(_HEADER + "\n".join(sorted(lines)) + "\n")
    print(f"{CONSTRAINTS.name}: {len(lines)} packages")


if __name__ == "__main__":
    main()
