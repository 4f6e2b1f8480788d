"""The tutorial's lines of a cross-validation: its folds, and a network for each."""

from core.data.catalogue import info_of
from core.judging.fold_verdict import fold_results
from core.spec import RunSpec
from core.take_home.contents import RunContents
from core.training.length import length_of

WORDS = (
    "All digits that are not for the test are divided in folds that keep the shares of the "
    "classes. Each fold is held back once, while a new network learns from the others. Of the "
    "larger parts to learn from, one digit is left out, so that every fold has as many steps."
)


def division_code(spec: RunSpec) -> str:
    """Write the lines that divide the digits."""
    lines = [
        f"FOLDS = {spec.folds}",
        "pool_images = torch.cat([train_images, validation_images])",
        "pool_labels = torch.cat([train_labels, validation_labels])",
        "known = pool_labels.cpu().numpy()",
        f"LEARNED = {length_of(spec).train}  # digits that each network learns from",
    ]
    if info_of(spec.data).copies_together:
        lines += [
            "# Copies of one image stay in one fold: none is learned from and held back, too.",
            "flat = pool_images.flatten(1).cpu().numpy()",
            "copies = np.unique(flat, axis=0, return_inverse=True)[1].ravel()",
            "dealer = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)",
            "divided = dealer.split(known, known, copies)",
        ]
    else:
        lines += [
            "dealer = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)",
            "divided = dealer.split(known, known)",
        ]
    lines += [
        "folds = [",
        "    (np.resize(np.setdiff1d(np.arange(len(known)), held), LEARNED), held)",
        "    for _, held in divided",
        "]",
    ]
    return "\n".join(lines)


def fold_by_fold(code: str, *, ends_early: str) -> str:
    """Write code that trains one network as code that trains one a fold.

    Args:
        code: functions and classes, and statements that use `train_images` and the like.
        ends_early: a condition under which no fold follows, or nothing.
    """
    definitions, statements = _divided(code)
    # Steps are counted over all folds, as the dashboard counts them.
    body = [line for line in statements if line != "step = 0"]
    lines = [
        *definitions,
        "step, accuracies = 0, []",
        "for fold, (learned, held) in enumerate(folds, start=1):",
        "    train_images, train_labels = pool_images[learned], pool_labels[learned]",
        "    validation_images, validation_labels = pool_images[held], pool_labels[held]",
        *(f"    {line}" if line else "" for line in body),
    ]
    if ends_early:
        lines += [
            "    if step < fold * NUM_STEPS:",
            "        break",
        ]
    lines += [
        "    accuracies.append(accuracy)",
        '    print(f"fold {fold} of {FOLDS}: {accuracy:.2%} of the digits held back are right")',
    ]
    if ends_early:
        lines += [f"    if {ends_early}:", "        break"]
    return "\n".join(lines)


def compared_folds(contents: RunContents) -> list[str]:
    """Write the lines that compare the folds' accuracies with the dashboard's."""
    found = fold_results(contents.spec, contents.steps.epochs).accuracies
    if not found:
        return []
    there = ", ".join(repr(accuracy) for accuracy in found)
    return [
        f"FOLDS_THERE = [{there}]  # on the dashboard",
        'print(f"Mean of the folds: {np.mean(accuracies):.3%}, deviation "',
        '      f"{np.std(accuracies, ddof=1) if len(accuracies) > 1 else 0:.3%}. "',
        '      f"The dashboard had {np.mean(FOLDS_THERE):.3%}.")',
        "if accuracies == FOLDS_THERE:",
        '    print("FOLDS REPRODUCED exactly: every fold has the same accuracy.")',
        "else:",
        "    apart = max(abs(np.subtract(accuracies, FOLDS_THERE)), default=0)",
        '    print(f"FOLDS differ by up to {apart:.2%}.")',
    ]


def _divided(code: str) -> tuple[list[str], list[str]]:
    """Tell the lines of functions and classes from all others; two empty lines follow each."""
    definitions: list[str] = []
    statements: list[str] = []
    inside = False
    for line in code.split("\n"):
        if line and not line.startswith(" "):
            inside = line.startswith(("def ", "class ", "@"))
        if inside:
            definitions.append(line)
        elif line or (statements and statements[-1]):
            statements.append(line)
    return definitions, statements
