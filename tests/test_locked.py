"""The set-up is the same in a year: all that is installed has a version that was tried."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.locked import CONSTRAINTS, ROOT, brought, constraints, requirements

SYSTEMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "mac": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_all_that_the_requirements_bring_has_the_version_that_is_installed(system, python):
    versions = {"python_version": python, "python_full_version": f"{python}.0"}
    wanted = brought({**SYSTEMS[system], **versions})
    fixed = constraints()
    assert not wanted.keys() - fixed.keys()
    installed = {name: version for name, version in wanted.items() if version}
    assert installed == {name: fixed[name] for name in installed}
    assert wanted.keys() - installed.keys() <= {"appnope", "colorama"}


def test_nothing_is_fixed_that_nothing_needs():
    needed = {name for system in SYSTEMS.values() for name in brought(system)}
    assert constraints().keys() == needed


def test_every_version_is_one_and_none_is_of_cuda():
    lines = [*requirements(CONSTRAINTS), *requirements(ROOT / "requirements-dev.txt")]
    for one in lines:
        (only,) = one.specifier
        assert only.operator == "==", one
        assert "*" not in only.version
        assert not one.name.startswith(("nvidia", "cuda", "triton"))
    names = [one.name for one in lines]
    assert len(names) == len(set(names))


FAKE = """#!/bin/sh
echo "$@" >> {log}
"""


@pytest.mark.parametrize(
    ("target", "file"), [("venv", "requirements.txt"), ("venv-dev", "requirements-dev.txt")]
)
def test_make_installs_by_the_constraints_and_again_when_they_change(tmp_path, target, file):
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    python, log = tmp_path / ".venv/bin/python", tmp_path / "log"
    python.parent.mkdir(parents=True)
    python.write_text(FAKE.format(log=log))
    python.chmod(0o755)

    def installs() -> list[str]:
        log.write_text("")
        environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
        subprocess.run(["make", target], cwd=tmp_path, check=True, env=environment)
        return [line for line in log.read_text().splitlines() if line.startswith("-m pip install")]

    (first,) = installs()
    assert first.endswith(f"-r {file} -c constraints.txt")
    assert installs() == []
    constraints_ = Path(tmp_path / "constraints.txt")
    constraints_.write_text(constraints_.read_text() + "another==1.0\n")
    assert installs() == [first]
    assert installs() == []
