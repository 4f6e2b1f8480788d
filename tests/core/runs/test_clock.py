from core.runs import clock as clock_module
from core.runs.clock import Clock, Pace


def test_a_clock_counts_only_while_it_goes(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(clock_module.time, "monotonic", lambda: now[0])
    clock = Clock(5.0)
    now[0] += 7
    assert clock.elapsed_s == 5.0
    clock.go()
    now[0] += 2
    assert clock.elapsed_s == 7.0
    clock.hold()
    clock.hold()
    now[0] += 50
    assert clock.elapsed_s == 7.0
    clock.go()
    now[0] += 1
    assert clock.elapsed_s == 8.0


def test_the_pace_is_that_of_the_last_few_seconds():
    pace = Pace()
    assert pace.images_per_s is None
    pace.note(2.0, 100)
    assert pace.images_per_s == 50.0
    pace.note(3.0, 300)
    assert pace.images_per_s == 200.0
    pace.note(10.0, 1000)  # what came before lies too far back
    assert pace.images_per_s == 100.0
    pace.note(11.0, 3000)
    assert pace.images_per_s == 2000.0
