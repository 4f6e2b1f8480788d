"""The time of a run, told before it is started."""

from dataclasses import replace

from core.machine.device import Device
from core.questions.price import Price
from core.spec.presets import DEFAULT
from tests.app.tab import words

PRICE = Price(
    device=Device("cpu", cores=2),
    step_s=0.008,
    epoch_s=0.52,
    run_s=4.3,
    images_per_s=8_123.4,
    memory=60 * 2**20,
)


def test_it_tells_an_epoch_and_all(visit, line):
    line.told = PRICE
    said = words(visit().get_by_key("price"))
    for fact in ("0.5\xa0s", "4.3\xa0s", "8,123", "CPU, 2 cores"):
        assert fact in said


def test_while_it_is_measured_no_figure_is_made_up(visit, line):
    line.measuring = True
    tab = visit()
    assert "Measuring" in words(tab.get_by_key("price"))
    assert not tab.get_by_key("train").disabled  # nobody has to wait for it
    line.told, line.measuring = PRICE, False
    assert "4.3\xa0s" in words(tab.run().get_by_key("price"))


def test_an_old_price_stands_while_a_better_one_is_measured(visit, line):
    line.told, line.measuring = PRICE, True
    assert "4.3\xa0s" in words(visit().get_by_key("price"))


def test_on_a_busy_machine_it_is_told_as_what_it_takes_at_most(visit, line):
    line.told = replace(PRICE, steady=False)
    said = words(visit().get_by_key("price"))
    assert "At most **0.5\xa0s** an epoch, **4.3\xa0s** in all" in said
    assert "nothing else runs" in said
    assert "about" not in said


def test_a_price_that_nobody_can_tell(visit, line):
    said = words(visit().get_by_key("price"))
    assert "cannot" in said
    assert "–" not in said


def test_a_network_that_cannot_run_has_no_price(visit, line, monkeypatch):
    asked = []
    monkeypatch.setattr(line, "price", lambda asker, spec: asked.append(spec))
    tab = visit(spec=replace(DEFAULT, batch_size=8192))
    assert not tab.has("price")
    assert asked == []


def test_each_tab_asks_for_its_own_draft(visit, line, monkeypatch):
    asked = {}
    monkeypatch.setattr(line, "price", lambda asker, spec, *_rest: asked.update({asker: spec}))
    one, other = visit(), visit(spec=replace(DEFAULT, batch_size=128))
    assert sorted(spec.batch_size for spec in asked.values()) == [64, 128]
    one.set("batch_size", 32)
    other.run()
    assert sorted(spec.batch_size for spec in asked.values()) == [32, 128]
