"""Looking at a network while it learns: what is seen is right, and changes nothing."""

from dataclasses import dataclass, field, replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from core.network.layers import lay_out
from core.network.model import build, memory_format_of
from core.network.operations.recurrent import read_rows
from core.spec import BlockSpec, DenseSpec, RunSpec
from core.spec.presets import PRESETS
from core.training.batches import normalise
from core.training.cross_validation import CrossValidation
from core.training.events import Epoch, Steps
from core.training.learner import learner
from core.training.learning import loss_of
from core.training.observers import Observation
from core.training.precision import casting
from core.training.state import State
from core.training.trainer import Trainer

WHOLE = RunSpec(
    blocks=(
        BlockSpec(channels=4, kernel_size=5, norm="batch", dropout=0.1),
        BlockSpec(channels=4, norm="batch", pool="none", residual=True),
        BlockSpec(channels=4, pool="avg", activation="tanh"),
    ),
    dense=(DenseSpec(units=16, dropout=0.2),),
    shift=2,
    rotation=10,
    scale=0.1,
    elastic=1.0,
    clip_norm=0.5,
    label_smoothing=0.1,
    optimizer="adam",
    keep_best=True,
)
CASES = {
    **{key: preset.spec for key, preset in PRESETS.items()},
    "everything": WHOLE,
    "everything in bfloat16": replace(WHOLE, precision="bfloat16"),
    "small in bfloat16": replace(PRESETS["small"].spec, precision="bfloat16"),
    "dense in bfloat16": replace(PRESETS["dense"].spec, precision="bfloat16"),
    "overlapping pooling": RunSpec(
        blocks=(BlockSpec(channels=4, pool_size=3, pool_stride=2, norm="batch"),) * 2
    ),
    "other orders and norms": RunSpec(
        blocks=(
            BlockSpec(channels=4, norm="batch", dropout=0.2, order="drop-act-pool-norm"),
            BlockSpec(channels=8, norm="group", dropout=0.2, order="pool-act-drop-norm"),
            BlockSpec(
                channels=8, norm="layer", convolution="depthwise_separable", pool="avg",
                order="act-norm-pool-drop", dropout=0.1,
            ),
        ),
    ),
    "stacked recurrent": RunSpec(
        family="recurrent", cell="lstm", rnn_units=8, rnn_layers=2, rnn_dropout=0.3,
        bidirectional=True, shift=1,
    ),
}  # fmt: skip


def short(spec: RunSpec) -> RunSpec:
    """Three steps an epoch of `few` digits, the last of fewer images; two epochs."""
    return replace(spec, batch_size=16, num_epochs=2, data="embedded", device="cpu")


@pytest.fixture
def few(make_digits):
    return make_digits(40, validation=20, test=20)


@dataclass
class Looker:
    """Keeps what it sees."""

    every: int = 1
    layers: tuple[str, ...] | None = None
    seen: list[Observation] = field(default_factory=list)

    def observe(self, seen: Observation) -> None:
        self.seen.append(seen)

    @property
    def steps(self) -> list[int]:
        return [one.step for one in self.seen]


class Vandal(Looker):
    """Spoils all that it is given, and draws from the generators."""

    def observe(self, seen: Observation) -> None:
        super().observe(seen)
        torch.rand(7)
        torch.manual_seed(99)
        for tensor in (*seen.outputs.values(), *seen.gradients.values(), seen.images, seen.labels):
            tensor.fill_(3)


class Clumsy(Looker):
    """Fails at its second look."""

    def observe(self, seen: Observation) -> None:
        super().observe(seen)
        torch.rand(7)
        if len(self.seen) == 2:
            raise RuntimeError("I have dropped my glasses.")


def told(events):
    """What a training says of itself, but for the time it took."""
    return [replace(event, train_s=0.0) if isinstance(event, Steps) else event for event in events]


def assert_same_state(one: State, other: State) -> None:
    assert one.tensors.keys() == other.tensors.keys()
    for name, tensor in one.tensors.items():
        assert torch.equal(tensor, other.tensors[name]), name
    took = {"train_s": 0, "earlier_s": 0}
    assert {**one.numbers, **took} == {**other.numbers, **took}
    assert (one.step, one.epoch) == (other.step, other.epoch)


def trained(spec, digits, observers=(), report_s=1000.0):
    trainer = Trainer(spec, digits, report_s=report_s, observers=observers)
    return trainer, told(trainer.fit())


@pytest.mark.parametrize("case", CASES)
def test_training_comes_to_the_same_bits_whoever_looks(few, case):
    spec = short(CASES[case])
    alone, events = trained(spec, few)
    vandal, second = Vandal(), Vandal(every=2)
    watched, same_events = trained(spec, few, [vandal, second])
    assert same_events == events
    assert_same_state(alone.state(), watched.state())
    assert (vandal.steps, second.steps) == ([1, 2, 3, 4, 5, 6], [2, 4, 6])


@pytest.mark.parametrize("case", CASES)
def test_what_is_seen_is_what_the_plain_module_makes(few, case):
    spec = short(CASES[case])
    looker = Looker(every=2)
    trainer = Trainer(spec, few, report_s=0.0, observers=[looker])
    next(event for event in trainer.fit() if isinstance(event, Steps))
    before = trainer.state()
    list(trainer.fit())

    seen = looker.seen[0]
    network = lay_out(spec)
    assert list(seen.outputs) == list(seen.gradients) == [layer.name for layer in network.layers]
    for layer in network.layers:
        assert seen.outputs[layer.name].shape == (16, *layer.shape), layer.name
    outputs, gradients = plainly(spec, before, seen, trainer.precision)
    for name, output in outputs.items():
        assert seen.outputs[name].dtype == output.dtype
        assert torch.equal(seen.outputs[name], output), name
        assert torch.equal(seen.gradients[name], gradients[name]), name


def plainly(spec, before: State, seen: Observation, precision):
    """Outputs and gradients by hooks on the plain module, backward to the weights too."""
    model = build(spec).to(memory_format=memory_format_of(lay_out(spec)))
    model.load_state_dict(before.weights())
    outputs: dict[str, torch.Tensor] = {}

    def keep(name):
        def hook(module, given, output):
            if isinstance(module, nn.RNNBase):
                return  # its memory is more than what goes on
            output.retain_grad()
            outputs[name] = output

        return hook

    for name, module in model.named_children():
        module.register_forward_hook(keep(name))
    torch.set_rng_state(before.tensors["random.cpu"])
    with casting(precision, torch.device("cpu")):
        logits = model(seen.images.clone().requires_grad_()).float()
    loss_of(spec, logits, seen.labels).backward()
    return outputs, {name: output.grad for name, output in outputs.items()}


def test_of_recurrent_layers_is_seen_what_goes_on_from_them(few):
    spec = short(RunSpec(family="recurrent", cell="lstm", rnn_units=8, bidirectional=True))
    looker = Looker()
    trainer = Trainer(spec, few, observers=[looker])
    before = trainer.state()
    list(trainer.fit())
    model = build(spec)
    model.load_state_dict(before.weights())
    first = looker.seen[0]
    read = read_rows(model.rnn, first.images)
    assert torch.equal(first.outputs["rnn"], read)
    logits = model.out(read)
    (gradient,) = torch.autograd.grad(F.cross_entropy(logits, first.labels), read)
    assert torch.equal(first.gradients["rnn"], gradient)


def test_the_batch_is_the_steps_own(few):
    spec = short(PRESETS["article"].spec)
    looker = Looker()
    list(Trainer(spec, few, observers=[looker]).fit())
    order = torch.randperm(40, generator=torch.Generator().manual_seed(spec.seed)).split(16)
    for seen, index in zip(looker.seen[:3], order, strict=True):
        assert torch.equal(seen.labels, few.train.labels[index])
        images = normalise(few.train.images[index], few.mean, few.std)
        assert torch.equal(seen.images, images)


def test_in_the_fast_order_a_hidden_layer_is_seen_before_it_is_pooled(few):
    """ReLU works on pooled images only, where the network trains; who looks sees all of them."""
    spec = short(RunSpec(blocks=(BlockSpec(channels=4),), dense=()))
    looker = Looker(layers=("act1",))
    list(Trainer(spec, few, observers=[looker]).fit())
    outputs, gradients = looker.seen[0].outputs["act1"], looker.seen[0].gradients["act1"]
    assert outputs.shape == gradients.shape == (16, 4, 28, 28)
    assert (outputs >= 0).all()
    # Of four pixels one is the largest, and only to it goes a gradient.
    assert ((gradients != 0).view(16, 4, 14, 2, 14, 2).sum((3, 5)) <= 1).all()
    assert gradients.any()


def test_each_is_given_what_it_asks_for_in_the_networks_order(few):
    spec = short(PRESETS["small"].spec)
    one, other, none = Looker(layers=("out", "conv1")), Looker(3, ("act2",)), Looker(2, ())
    list(Trainer(spec, few, observers=[one, other, none]).fit())
    assert {tuple(seen.outputs) for seen in one.seen} == {("conv1", "out")}
    assert {tuple(seen.gradients) for seen in one.seen} == {("conv1", "out")}
    assert {tuple(seen.outputs) for seen in other.seen} == {("act2",)}
    assert {tuple(seen.outputs) for seen in none.seen} == {()}
    assert (one.steps, other.steps, none.steps) == ([1, 2, 3, 4, 5, 6], [3, 6], [2, 4, 6])


@pytest.mark.parametrize("looks", ["before", "after", "both"])
def test_a_training_broken_off_and_gone_on_with_comes_to_the_same_bits(few, looks):
    spec = short(WHOLE)
    whole, _ = trained(spec, few, report_s=0.0)
    early, late = Looker(every=2), Looker(every=2)
    first = Trainer(spec, few, report_s=0.0, observers=[early] * (looks != "after"))
    events = first.fit()
    assert [type(next(events)) for _ in range(2)] == [Steps, Steps]
    events.close()
    second = Trainer(spec, few, observers=[late] * (looks != "before"))
    second.restore(first.state())
    list(second.fit())
    assert_same_state(whole.state(), second.state())
    assert early.steps == ([2] if looks != "after" else [])
    assert late.steps == ([4, 6] if looks != "before" else [])


def test_who_looks_can_change_between_two_steps(few):
    spec = short(WHOLE)
    alone, _ = trained(spec, few, report_s=0.0)
    one, other = Looker(), Looker()
    trainer = Trainer(spec, few, report_s=0.0)
    for event in trainer.fit():
        if isinstance(event, Steps) and event.step in (1, 3, 5):
            trainer.watch({1: [one], 3: [other], 5: []}[event.step])
    assert (one.steps, other.steps) == ([2, 3], [4, 5])
    assert_same_state(alone.state(), trainer.state())


def test_an_observer_that_fails_is_told_of_and_asked_no_more(few, caplog):
    spec = short(WHOLE)
    alone, events = trained(spec, few)
    clumsy, steady = Clumsy(every=2), Looker()
    watched, same_events = trained(spec, few, [clumsy, steady])
    assert same_events == events
    assert_same_state(alone.state(), watched.state())
    assert (clumsy.steps, steady.steps) == ([2, 4], [1, 2, 3, 4, 5, 6])
    (lost,) = watched.lost_observers
    assert (lost.observer, lost.step, str(lost.error)) == (clumsy, 4, "I have dropped my glasses.")
    assert alone.lost_observers == ()
    assert "An observer failed at step 4" in caplog.text
    assert "RuntimeError: I have dropped my glasses." in caplog.text


def test_looking_that_takes_too_much_memory_ends_the_looking_only(few, monkeypatch):
    spec = short(WHOLE)
    alone, _ = trained(spec, few)

    def grad(loss, outputs):
        raise torch.OutOfMemoryError("Tried to allocate 3 GiB.")

    monkeypatch.setattr(torch.autograd, "grad", grad)
    looker = Looker(every=2)
    watched, _ = trained(spec, few, [looker])
    assert_same_state(alone.state(), watched.state())
    assert looker.seen == []
    (lost,) = watched.lost_observers
    assert (lost.observer, lost.step) == (looker, 2)


def test_an_interruption_is_nobodys_failure(few):
    class Impatient(Looker):
        def observe(self, seen):
            raise KeyboardInterrupt

    spec = short(WHOLE)
    trainer = Trainer(spec, few, observers=[Impatient()])
    before, mine = trainer.state(), torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt):
        list(trainer.fit())
    assert trainer.lost_observers == ()
    assert torch.equal(torch.get_rng_state(), mine)
    after = trainer.state()
    for name, tensor in before.weights().items():
        assert torch.equal(after.weights()[name], tensor), name
    assert torch.equal(after.tensors["random.cpu"], before.tensors["random.cpu"])


@pytest.mark.parametrize(
    ("observer", "sentence"),
    [
        pytest.param(
            Looker(layers=("conv1", "act7")), r"no layer act7; it has conv1, .*out\.$", id="layer"
        ),
        pytest.param(Looker(every=0), "every step or at fewer, not at 0", id="never"),
    ],
)
def test_what_cannot_be_seen_is_refused_at_once(few, observer, sentence):
    with pytest.raises(ValueError, match=sentence):
        Trainer(short(WHOLE), few, observers=[observer])
    trainer = Trainer(short(WHOLE), few)
    with pytest.raises(ValueError, match=sentence):
        trainer.watch([observer])


def test_where_nobody_looks_nothing_is_done_for_it(few, monkeypatch):
    def nothing(*args):
        raise AssertionError("Somebody was looked for.")

    monkeypatch.setattr("core.training.trainer.Observers", nothing)
    trainer, _ = trained(short(WHOLE), few)
    for module in trainer.model.modules():
        assert not module._forward_hooks
        assert not module._backward_hooks


def test_looking_leaves_the_generator_of_cudnn_alone(few):
    """It draws the masks between stacked recurrent layers, and cannot be put back."""
    trainer = Trainer(short(CASES["stacked recurrent"]), few, observers=[Looker(every=2)])
    allowed: list[bool] = []
    trainer.model.get_submodule("rnn").register_forward_pre_hook(
        lambda *given: allowed.append(torch.backends.cudnn.enabled)
    )
    next(trainer.fit())
    assert allowed[:4] == [True, False, True, True]


def test_over_folds_steps_are_counted_through(make_digits):
    digits = make_digits(60, validation=30, test=10)
    spec = replace(short(WHOLE), folds=3, keep_best=False)
    alone = CrossValidation(spec, digits)
    events = told(alone.fit())
    clumsy, looker = Clumsy(every=5), Looker(every=5)
    watched = learner(spec, digits, observers=[clumsy, looker])
    assert told(watched.fit()) == events
    assert_same_state(alone.state(), watched.state())
    last = [event.step for event in events if isinstance(event, Epoch)][-1]
    assert last == 3 * 2 * 4
    assert looker.steps == [5, 10, 15, 20]
    # It failed in the second fold, and is not asked in the third.
    assert clumsy.steps == [5, 10]
    assert [lost.step for lost in watched.lost_observers] == [10]
