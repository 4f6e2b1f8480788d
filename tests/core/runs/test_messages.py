"""What passes between a worker and its run: plain data that comes out of a pipe as it went in."""

import dataclasses
import pickle
import typing

import numpy as np
import pytest
import torch

from core.machine.device import resolve
from core.runs import messages as msg
from core.runs.record import RunRecord
from core.spec import RunSpec
from core.training import events
from core.training.events import Epoch, Steps
from core.training.state import State
from core.words.message import message

EPOCH = Epoch(epoch=2, step=50, train_loss=0.5, train_accuracy=0.8, val_loss=0.4, val_accuracy=0.9)
STEPS = Steps(losses=(0.5,), accuracies=(0.8,), step=51, lr=0.01, images=408, train_s=1.5)
STATE = State(step=51, epoch=2, tensors={"model.a": torch.ones(2)}, numbers={"lr": 0.01})
RECORD = RunRecord(id="1-abc", number=1, name="a name", spec=RunSpec())
WORDS = message("{run} ends.", run="It")

MESSAGES = [
    msg.Job(record=RECORD, limit_s=60.0, state=STATE, best=EPOCH),
    msg.Placed(device=resolve("cpu")),
    msg.Begun(
        precision="float32",
        lr_changes=((3, 0.1),),
        past=msg.Past(figures=np.ones((3, 2), dtype=np.float32), epochs=(EPOCH,), saved=True),
    ),
    msg.Trained(steps=STEPS, stretches=((0, 2),)),
    msg.Validated(epoch=EPOCH, best_epoch=2),
    events.Tested(correct=3, total=4, loss=0.1, logits=torch.ones(4, 10)),
    msg.Published(weights={"a": torch.ones(2)}, step=51),
    msg.Saved(step=51),
    msg.RateTaken(lr_changes=((3, 0.1), (9, 0.2))),
    msg.Clocked(elapsed_s=1.5, goes=True, status="running"),
    msg.Ended(status="queued", message=WORDS, ended_at=5.0, elapsed_s=2.5, state=STATE),
    msg.Wish("rate", 0.1),
]


def plain(value):
    """What a value holds, so that it can be compared."""
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        return type(value), {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, torch.Tensor | np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return value


def test_every_kind_of_message_is_here():
    kinds = {msg.Job, *typing.get_args(msg.Report), msg.Wish}
    assert {type(one) for one in MESSAGES} == kinds
    assert len(MESSAGES) == len(kinds)


@pytest.mark.parametrize("sent", MESSAGES, ids=lambda sent: type(sent).__name__)
def test_it_crosses_a_pipe_and_never_changes(sent):
    got = pickle.loads(pickle.dumps(sent))
    assert plain(got) == plain(sent)
    for field in dataclasses.fields(sent):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(sent, field.name, None)


def test_a_sentence_is_told_in_the_readers_language_after_it_too():
    got = pickle.loads(pickle.dumps(MESSAGES[10]))
    assert got.message.template == "{run} ends."


def test_a_record_follows_what_is_told():
    record = RECORD
    for report in MESSAGES[1:11]:
        record = msg.told(record, report)
    assert record == dataclasses.replace(
        RECORD,
        status="queued",
        message=WORDS,
        ended_at=5.0,
        elapsed_s=2.5,
        device=resolve("cpu"),
        precision="float32",
        step=51,
        epoch=2,
        val_accuracy=0.9,
        best_epoch=2,
        test_correct=3,
        test_total=4,
        test_loss=0.1,
        lr_changes=((3, 0.1), (9, 0.2)),
        stretches=((0, 2),),
    )


@pytest.mark.parametrize("epochs", [(), (EPOCH,)], ids=["none", "one"])
def test_a_record_goes_back_to_the_checkpoint_that_it_goes_on_from(epochs):
    past = msg.Past(figures=np.ones((30, 2), dtype=np.float32), epochs=epochs, saved=True)
    begun = msg.Begun(precision="float32", lr_changes=(), past=past)
    record = msg.told(dataclasses.replace(RECORD, step=40, epoch=3, best_epoch=3), begun)
    assert (record.step, record.epoch) == (30, len(epochs))
    assert record.val_accuracy == (0.9 if epochs else None)
    assert record.best_epoch == (2 if epochs else 3)
