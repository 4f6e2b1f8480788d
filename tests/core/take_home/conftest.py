"""Runs of a second, to be taken home."""

import io
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import replace

import pytest

from core.data.catalogue import info_of
from core.data.loading import Digits
from core.machine.device import Device, take_one_core
from core.machine.thread_team import ThreadTeam
from core.runs.history import History
from core.runs.record import RunRecord
from core.spec import BlockSpec, DenseSpec, RunSpec
from core.take_home.contents import RunContents
from core.take_home.lesson import lesson
from core.training.cross_validation import CrossValidation
from core.training.events import Epoch, Steps, Tested
from core.training.learner import Learner
from core.training.length import length_over
from core.training.trainer import Trainer
from core.words.errors import UserError

SPEC = RunSpec(
    blocks=(BlockSpec(channels=4, norm="batch"), BlockSpec(channels=6, dropout=0.1)),
    dense=(DenseSpec(units=12),),
    optimizer="adam",
    lr=0.02,
    batch_size=20,
    num_epochs=3,
    seed=7,
)


@pytest.fixture(autouse=True)
def one_core() -> None:
    """Train on as many threads as the records say and lessons then take: another number rounds."""
    take_one_core()


@pytest.fixture
def small(make_digits, monkeypatch: pytest.MonkeyPatch) -> Digits:
    """Few images, of which a lesson knows how many there are."""
    digits = make_digits(100)
    for module in ("core.take_home.lesson", "core.training.length"):
        monkeypatch.setattr(
            f"{module}.info_of",
            lambda key: replace(info_of(key), train=100, validation=20, test=30),
        )
    return digits


@pytest.fixture
def trained(make_digits) -> Callable[..., RunContents]:
    """Train a spec for real and pack what is taken home of it."""

    def train(
        spec: RunSpec = SPEC, stop_at: int | None = None, rates=None, threads=None, **known
    ) -> RunContents:
        """Train.

        Args:
            spec: on 100 images of bars.
            stop_at: a number of steps after which the run is stopped.
            rates: after how many steps the learning rate is changed, and to what.
            threads: after how many steps it computes with how many threads.
            known: what its record says besides.
        """
        digits = make_digits(100)
        course = length_over(spec, len(digits.train), len(digits.validation))
        make = CrossValidation if spec.folds else Trainer
        team = ThreadTeam(64) if threads else None
        trainer = make(spec, digits, report_s=0.0, team=team)
        if team is not None:
            team.begin_with(threads.get(0, 1), 0.0)
        history = History(course.steps_per_epoch)
        record = RunRecord(
            id="3-ab12cd",
            number=3,
            name="3 · Small",
            spec=spec,
            status="finished",
            created_at=1_764_000_000,
            ended_at=1_764_000_600,
            device=Device("cpu", cores=1),
            precision=trainer.precision,
            num_steps=course.num_steps,
            params=sum(p.numel() for p in trainer.model.parameters()),
        )
        for event in _events(trainer, stop_at):
            if isinstance(event, Steps | Epoch):
                history.add(event)
            if isinstance(event, Steps):
                record = replace(record, step=event.step)
                if event.step in (rates or {}):
                    trainer.set_lr(rates[event.step])
                    record = replace(record, lr_changes=trainer.lr_changes)
                if team is not None and event.step in threads:
                    team.begin_with(threads[event.step], 0.0)
            if isinstance(event, Epoch):
                record = replace(record, epoch=event.epoch, val_accuracy=event.val_accuracy)
            if isinstance(event, Tested):
                record = replace(
                    record,
                    test_correct=event.correct,
                    test_total=event.total,
                    test_loss=event.loss,
                )
        if stop_at is not None:
            record = replace(record, status="stopped")
        record = replace(record, stretches=trainer.stretches)
        weights = {name: value.contiguous() for name, value in trainer.weights().items()}
        return RunContents(
            record=replace(record, **known),
            steps=history.curves(10**9),
            curves=history.curves(),
            weights=weights,
        )

    return train


def _events(trainer: Learner, stop_at: int | None) -> Iterator[object]:
    for event in trainer.fit():
        yield event
        if isinstance(event, Steps) and event.step == stop_at:
            yield from trainer.test()
            return


def untrained(spec: RunSpec, **known: object) -> RunContents:
    """A run that has not begun."""
    nothing = History(1).curves()
    record = RunRecord(id="1-a", number=1, name="1 · New", spec=spec)
    return RunContents(record=replace(record, **known), steps=nothing, curves=nothing, weights=None)


def follow(contents: RunContents, digits: Digits) -> tuple[dict[str, object], str]:
    """Do what a lesson says, with these digits in place of its own; return names and words."""
    names: dict[str, object] = {}
    said = io.StringIO()
    with redirect_stdout(said):
        for section in lesson(contents):
            if section.title == "The digits":
                names |= _as_read(digits)
            else:
                exec(compile(section.code, section.title, "exec"), names)
    return names, said.getvalue()


def _as_read(digits: Digits) -> dict[str, object]:
    named = {}
    for name in ("train", "validation", "test"):
        split = getattr(digits, name)
        named |= {f"{name}_images": split.images, f"{name}_labels": split.labels}
    return named


def runnable(spec: RunSpec) -> bool:
    """Whether a spec can be trained on the small digits, or on its folds of them."""
    from core.training.check import require_runnable

    try:
        require_runnable(spec, train_size=length_over(spec, 100, 20).train)
    except UserError:
        return False
    return True
