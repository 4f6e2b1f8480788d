"""How a network learns: by which loss and which steps, and for how long."""

from dataclasses import dataclass

from core.spec.settings import Choice, Flag, Number, setting
from core.words.message import N_, message

_LOSS_NOTES = {
    "cross_entropy": N_(
        "Minus the log of the probability given to the right class. Wrong where a "
        "picture may show several classes or none: its probabilities always add up to 1."
    ),
    "nll": N_(
        "Minus the log-probability of the right class: cross entropy written out in two steps, "
        "without label smoothing. Wrong where the last layer gives probabilities: it needs their "
        "logarithms."
    ),
    "bce": N_(
        "Asks for each class by itself: this one, yes or no? Wrong where just one class can be "
        "right, as here: the many easy noes count as much as the one yes, and nothing makes the "
        "answers agree."
    ),
    "multi_margin": N_(
        "Asks that the right class’s score lead each other one by 1, and then is "
        "content. Wrong where it matters how sure the network is: the probabilities it shows mean "
        "little."
    ),
    "mse": N_(
        "The squared distance between the probabilities and a perfect answer. Wrong for classes "
        "as a rule: a network that is sure and mistaken hears almost nothing."
    ),
}


@dataclass(frozen=True, kw_only=True)
class LearningSettings:
    """The part of a `RunSpec` that says how the weights change."""

    loss: str = setting(
        "cross_entropy",
        Choice(
            label=N_("Loss"),
            help=N_(
                "What training makes small: one number that says how wrong the network’s answers "
                "to a batch are. Each loss is wrong for some purpose; the sentence below says for "
                "which."
            ),
            options={
                "cross_entropy": N_("Cross entropy"),
                "nll": N_("Negative log-likelihood"),
                "bce": N_("Binary cross entropy"),
                "multi_margin": N_("Multi-margin"),
                "mse": N_("Mean squared error"),
            },
            notes=_LOSS_NOTES,
        ),
    )
    label_smoothing: float = setting(
        0.0,
        Number(
            label=N_("Label smoothing"),
            help=N_(
                "Share of the right answer that is spread evenly over all ten digits, so that the "
                "network never strives to be entirely sure. Used by cross entropy; 0.1 is usual."
            ),
            low=0.0,
            high=0.5,
            whole=False,
        ),
    )
    optimizer: str = setting(
        "adam",
        Choice(
            label=N_("Optimizer"),
            help=N_(
                "The rule that turns gradients into weight changes. Adam adapts the step to each "
                "weight; SGD takes one step size for all, with momentum. RMSprop and Adagrad "
                "divide each weight’s step by the size of its gradients: of the last ones, or of "
                "all so far."
            ),
            options={
                "sgd": "SGD",
                "adam": "Adam",
                "adamw": "AdamW",
                "rmsprop": "RMSprop",
                "adagrad": "Adagrad",
            },
        ),
    )
    lr: float = setting(
        0.001,
        Number(
            label=N_("Learning rate"),
            help=N_(
                "Size of each step. Too small: it crawls. Too large: the loss jumps about or "
                "becomes infinite."
            ),
            low=1e-6,
            high=100.0,
            whole=False,
        ),
    )
    schedule: str = setting(
        "constant",
        Choice(
            label=N_("Schedule"),
            help=N_(
                "How the learning rate moves during the run. Step: it drops every few epochs. "
                "Cosine: it comes down slowly, then fast, then slowly. One-cycle: it climbs for "
                "three tenths of the run and comes down to almost nothing. Warm-up: it climbs in a "
                "straight line, then comes down as cosine does."
            ),
            options={
                "constant": N_("Constant"),
                # The empty field makes it another text than the “Step” of training, which other
                # languages call by another word.
                "step": message("Step{schedule}", schedule=""),
                "cosine": N_("Cosine"),
                "one_cycle": N_("One-cycle"),
                "warmup": N_("Warm-up"),
            },
        ),
    )
    step_epochs: int = setting(
        2,
        Number(
            label=N_("Epochs a step"),
            help=N_(
                "After how many epochs the learning rate drops, again and again. Used by the "
                "schedule Step."
            ),
            low=1,
            high=50,
        ),
    )
    step_factor: float = setting(
        0.1,
        Number(
            label=N_("Step factor"),
            help=N_(
                "What the learning rate is multiplied by at each drop. Used by the schedule Step."
            ),
            low=0.01,
            high=1.0,
            whole=False,
        ),
    )
    warmup: float = setting(
        0.1,
        Number(
            label=N_("Warm-up share"),
            help=N_(
                "Share of the run in which the learning rate climbs. Used by the schedule Warm-up."
            ),
            low=0.01,
            high=0.9,
            whole=False,
        ),
    )
    momentum: float = setting(
        0.9,
        Number(
            label=N_("Momentum"),
            help=N_("How much of the last step is kept in the next. Used by SGD and RMSprop."),
            low=0.0,
            high=0.99,
            whole=False,
        ),
    )
    nesterov: bool = setting(
        False,
        Flag(
            label=N_("Nesterov"),
            help=N_(
                "Looks at the gradient where momentum is about to lead, not where the weights "
                "are. Used by SGD where its momentum is not 0."
            ),
        ),
    )
    clip_norm: float = setting(
        0.0,
        Number(
            label=N_("Gradient clipping"),
            help=N_(
                "Longest step of all gradients together, their norm: longer ones are shortened to "
                "it, so that one odd batch cannot throw the weights far away. 0 switches it off."
            ),
            low=0.0,
            high=100.0,
            whole=False,
        ),
    )
    weight_decay: float = setting(
        0.0,
        Number(
            label=N_("Weight decay"),
            help=N_(
                "Pulls every weight towards zero a little at each step, which keeps a network "
                "from learning its examples by heart."
            ),
            low=0.0,
            high=1.0,
            whole=False,
        ),
    )
    batch_size: int = setting(
        64,
        Number(
            label=N_("Batch size"),
            help=N_("How many images are looked at before the weights change once."),
            low=1,
            high=8192,
            unit=N_("images"),
        ),
    )
    num_epochs: int = setting(
        5,
        Number(
            label=N_("Epochs"),
            help=N_("How often the whole training set is gone through."),
            low=1,
            high=200,
        ),
    )
    folds: int = setting(
        0,
        Choice(
            label=N_("Cross-validation"),
            help=N_(
                "Divides all images that are not for the test in so many folds. Each is held back "
                "once, while a new network learns from the others: how much the folds differ is "
                "how much of a result is luck. It takes as many times as long. Stopping early and "
                "keeping the best epoch are not used, for they would choose by the images that "
                "judge."
            ),
            options={0: N_("Off")} | {k: message("{folds} folds", folds=k) for k in range(2, 11)},
        ),
    )
    target_accuracy: float = setting(
        0.0,
        Number(
            label=N_("Stop at an accuracy of"),
            help=N_(
                "Share of the validation images, 0 to 1: the run ends after the first epoch that "
                "reaches it. 0 switches it off."
            ),
            low=0.0,
            high=1.0,
            whole=False,
        ),
    )
    patience: int = setting(
        0,
        Number(
            label=N_("Patience"),
            help=N_(
                "The run ends when for so many epochs no more validation images were right than "
                "at its best before. 0 switches it off."
            ),
            low=0,
            high=50,
            unit=N_("epochs"),
        ),
    )
    keep_best: bool = setting(
        False,
        Flag(
            label=N_("Keep the best epoch"),
            help=N_(
                "At the end, goes back to the weights of the epoch after which most validation "
                "images were right, and tests those."
            ),
        ),
    )
