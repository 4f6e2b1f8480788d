"""Whether the Build page shows one and the same network everywhere."""

from core.network.layers import lay_out
from core.spec import RunSpec, in_use, place, walk
from core.training.check import check
from pages.shared.words import shape
from tests.app.tab import Tab, words


def parts_of(spec: RunSpec) -> list[str]:
    """Every part that is drawn and edited, such as `blocks.0`."""
    groups = {"conv": ("blocks", "dense"), "dense": ("dense",), "recurrent": ("dense",)}
    counted = [f"{name}.{i}" for name in groups[spec.family] for i in range(len(spec.value(name)))]
    return (["recurrent"] if spec.family == "recurrent" else []) + counted


def shows(tab: Tab, spec: RunSpec) -> None:
    """Whether all of the page is of this spec: the widgets, the table, the drawing, the totals."""
    assert tab.draft == spec
    network = lay_out(spec)
    for path, _, value in walk(spec):
        assert in_use(spec, path) or not tab.has(f"field:{path}"), path
        if tab.has(f"field:{path}"):
            assert tab.stands(path) == value, path
    table = tab.layers()
    assert table["Layer"].tolist() == [layer.name for layer in network.layers]
    assert table["Parameters"].sum() == network.params
    assert table["Multiply-adds"].sum() == network.multiply_adds
    assert table["Output shape"].tolist() == [shape(layer.shape) for layer in network.layers]
    said = str(tab.figure()["layout"]["annotations"])
    for part in parts_of(spec):
        words_of_part = place(part).replace("Dense layer", "Dense")
        assert words_of_part.replace("Recurrent part", "Recurrent") in said
        if network.broken and network.broken.path.startswith(part):
            break  # nothing is drawn after the place that breaks
    if check(spec).problem is None:
        assert f"{network.params:,}" in words(tab.main)
        assert "class Net" in tab.source()
