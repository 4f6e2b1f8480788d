"""NetSketch in a terminal: what it says, where it says it, and its exit status."""

import io
import json
import re
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from core import cli
from core.data.catalogue import info_of
from core.data.loading import Digits
from core.runs.record import VERSION
from core.runs.store import RunFolder, Store, Unreadable
from core.spec import BlockSpec, RunSpec
from core.spec.codec import to_json

ROOT = Path(__file__).resolve().parents[2]
SPEC = RunSpec(blocks=(BlockSpec(channels=4, norm="batch"),), lr=0.02, batch_size=20, num_epochs=3)


@pytest.fixture(autouse=True)
def small(make_digits, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Digits:
    """Training of a moment, on runs of its own."""
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    digits = make_digits(100)
    info = replace(info_of("embedded"), train=100, validation=20, test=30)
    for module in ("core.runs.worker", "core.cli"):
        monkeypatch.setattr(f"{module}.load", lambda key: digits)
    monkeypatch.setattr("core.training.length.info_of", lambda key: info)
    return digits


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "net.json"
    path.write_text(to_json(SPEC))
    return str(path)


def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


@pytest.fixture
def trained(config, capsys) -> None:
    """A finished run, number 1."""
    assert cli.main(["train", config, "--name", "First"]) == 0
    capsys.readouterr()


@pytest.mark.parametrize("command", [["list"], ["export", "1"], ["evaluate", "1"]], ids=" ".join)
def test_a_run_of_a_newer_netsketch_is_named(trained, command, tmp_path, capsys):
    (path,) = (tmp_path / "data" / "runs").glob("*/run.json")
    kept = json.loads(path.read_text()) | {"version": VERSION + 1}
    path.write_text(json.dumps(kept))
    assert cli.main(command) == (0 if command == ["list"] else 1)
    err = capsys.readouterr().err
    assert "Run 1 was last saved by a newer NetSketch than this one" in err
    assert json.loads(path.read_text()) == kept


def test_a_configuration_is_trained_and_kept(config, tmp_path, capsys):
    assert cli.main(["train", config, "--name", "My net"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    (record,) = store(tmp_path).newest(9)
    assert lines[0] == f"My net ({record.id})"
    assert [line.partition(",")[0] for line in lines[1:4]] == [f"epoch {i} of 3" for i in (1, 2, 3)]
    assert re.search(r"step 15 of 15, loss [\d.]+, validation [\d.]+%", lines[3])
    share = record.test_correct / 30
    assert lines[4].startswith(f"{record.test_correct} of 30 test images right ({share:.2%}"[:-1])
    assert err == ""
    assert (record.status, record.name, record.step) == ("finished", "My net", 15)
    assert store(tmp_path).folder(record.id).load_weights() is not None


def test_a_terminal_gets_one_line_that_changes(config, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr(cli, "_LINE_S", 0.0)
    assert cli.main(["train", config]) == 0
    out = capsys.readouterr().out
    assert out.count("\r") > 3
    assert out.splitlines()[0].startswith("1 · ")
    assert "test images right" in out.rpartition("\r")[2]


def test_a_configuration_is_read_from_a_pipe(monkeypatch, tmp_path):
    pipe = io.TextIOWrapper(io.BytesIO(to_json(SPEC).encode()))
    monkeypatch.setattr("sys.stdin", pipe)
    assert cli.main(["train", "-"]) == 0
    assert [record.spec for record in store(tmp_path).newest(9)] == [SPEC]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_the_run_goes_on_from_there(config, tmp_path, capsys, monkeypatch, number):
    sound, sent = cli._progress, []

    def stop_once(run) -> str:
        if not sent:
            sent.append(signal.raise_signal(number))
        return sound(run)

    monkeypatch.setattr(cli, "_progress", stop_once)
    before = signal.getsignal(number)
    assert cli.main(["train", config]) == 130
    assert signal.getsignal(number) is before
    (record,) = store(tmp_path).newest(9)
    assert record.status == "interrupted"
    assert 5 <= record.step < 15
    err = capsys.readouterr().err
    assert f"Stopped after step {record.step} of 15; all of it is saved." in err
    assert f"train --resume {record.id}" in err
    assert cli.main(["train", "--resume", "1"]) == 0
    (record,) = store(tmp_path).newest(9)
    assert (record.status, record.step) == ("finished", 15)
    assert cli.main(["train", "--resume", "1"]) == 1
    assert "cannot go on: it has come to its end." in capsys.readouterr().err


def test_a_run_that_cannot_be_read_now_is_not_told_as_stopped_by_a_person(
    config, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(cli, "_watch", lambda run: run.interrupt())
    assert cli.main(["train", config]) == cli.INTERRUPTED
    monkeypatch.undo()
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "data"))
    capsys.readouterr()

    def unreadable(folder) -> None:
        raise Unreadable("Run 1 cannot be read now.")

    monkeypatch.setattr(RunFolder, "load_state", unreadable)
    assert cli.main(["train", "--resume", "1"]) == 1
    assert capsys.readouterr().err == "Run 1 cannot be read now.\n"


def test_a_run_that_diverges_is_a_failure_that_says_why(tmp_path, capsys):
    spec = replace(
        SPEC, blocks=(BlockSpec(channels=4, activation="none"),), optimizer="sgd", lr=100.0
    )
    (tmp_path / "wild.json").write_text(to_json(spec))
    assert cli.main(["train", "wild.json"]) == 1
    assert "The loss became infinite or not a number at step" in capsys.readouterr().err
    assert store(tmp_path).newest(9)[0].status == "diverged"


def test_runs_are_listed_newest_first(trained, config, tmp_path, capsys):
    cli.main(["train", config, "--name", "Second"])
    store(tmp_path).change(store(tmp_path).rows()[1].id, starred=True)
    capsys.readouterr()
    assert cli.main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.split(r"\s{2,}", lines[0]) == [
        "No.",
        "Id",
        "State",
        "Test",
        "Epochs",
        "Parameters",
        "Data",
        "Name",
    ]
    rows = [re.split(r"\s{2,}", line) for line in lines[1:]]
    assert [(row[0], row[2], row[4], row[7]) for row in rows] == [
        ("2", "finished", "3", "Second"),
        ("1", "finished", "3", "* First"),
    ]
    assert cli.main(["list", "--limit", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_an_empty_list_says_so(capsys):
    assert cli.main(["list"]) == 0
    assert capsys.readouterr().out == "There are no runs yet.\n"


def test_a_run_is_evaluated_again(trained, tmp_path, capsys):
    (record,) = store(tmp_path).newest(9)
    for named in ("1", record.id):
        assert cli.main(["evaluate", named]) == 0
        out = capsys.readouterr().out
        assert f"{record.test_correct} of 30 test images right" in out
        assert "That is what the run had." in out
    assert cli.main(["evaluate", "1", "--best"]) == 0
    assert "of 30 test images right" in capsys.readouterr().out


def test_a_run_is_taken_home(trained, tmp_path, capsys):
    (record,) = store(tmp_path).newest(9)
    assert cli.main(["export", "1"]) == 0
    target = tmp_path / f"netsketch-{record.id}.zip"
    out, err = capsys.readouterr()
    assert out.startswith(f"{target.name}: ")
    assert "Comparing ONNX with PyTorch" in err
    with zipfile.ZipFile(target) as archive:
        assert f"netsketch-{record.id}/train.py" in archive.namelist()
    assert cli.main(["export", "1"]) == 1
    assert "is there already. Name another file, or add --force." in capsys.readouterr().err
    assert cli.main(["export", "1", "--force"]) == 0
    assert cli.main(["export", "1", "--to", "other.zip"]) == 0
    assert cli.main(["export", "1", "--to", "nowhere/x.zip"]) == 1
    assert "cannot be written: No such file or directory." in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.glob("*.zip")) == [target.name, "other.zip"]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "missing.json"], "missing.json cannot be read: No such file or directory."),
        (["train", "."], ". cannot be read: Is a directory."),
        (["train", "bad.json"], "The configuration is not JSON: line 1, column 2."),
        (["train", "huge.json"], "A configuration has at most 64 KB"),
        (["train", "broken.json"], "Block 4: the image that arrives here"),
        (["train", "--resume", "7"], "There is no run 7. There are no runs yet."),
        (["evaluate", "7"], "There is no run 7."),
        (["export", "../../etc"], "There is no run ../../etc."),
        (["evaluate", "x\n\x1b[2J"], "There is no run x  [2J."),
    ],
)
def test_what_is_wrong_is_one_sentence(arguments, words, tmp_path, capsys):
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "huge.json").write_text(" " * 100_000)
    broken = RunSpec(blocks=(BlockSpec(pool_size=3),) * 4)
    (tmp_path / "broken.json").write_text(to_json(broken))
    assert cli.main(arguments) == 1
    out, err = capsys.readouterr()
    assert words in err
    assert len(err.splitlines()) == 1
    assert out == ""
    assert not store(tmp_path).rows()


def test_an_unknown_run_is_told_the_newest(trained, capsys):
    assert cli.main(["evaluate", "99"]) == 1
    assert capsys.readouterr().err == "There is no run 99. The newest is 1.\n"


def test_data_that_are_not_here_are_told_before_there_is_a_run(tmp_path, capsys, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "data"))
    (tmp_path / "mnist.json").write_text(to_json(replace(SPEC, data="mnist")))
    assert cli.main(["train", str(tmp_path / "mnist.json")]) == 1
    assert "full MNIST is not on this computer" in capsys.readouterr().err
    assert not store(tmp_path).rows()


@pytest.mark.parametrize("arguments", [[], ["fly"], ["train"], ["list", "--limit", "0"]])
def test_wrong_arguments_say_how_it_is_used(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m core.cli" in capsys.readouterr().err


def test_help_names_every_command():
    done = subprocess.run(
        [sys.executable, "-m", "core.cli", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0
    for command in ("train", "list", "evaluate", "export", "NETSKETCH_DATA"):
        assert command in done.stdout


def test_a_reader_that_leaves_is_no_error(tmp_path):
    piped = f"{sys.executable} -m core.cli list | true"
    done = subprocess.run(
        piped,
        shell=True,
        cwd=ROOT,
        env={"NETSKETCH_DATA": str(tmp_path / "data"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""


def test_a_misspelt_variable_keeps_it_from_writing_elsewhere(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("NETSKETCH_DATE", str(tmp_path / "class"))
    assert cli.main(["list"]) == 1
    assert "Did you mean NETSKETCH_DATA?" in capsys.readouterr().err
