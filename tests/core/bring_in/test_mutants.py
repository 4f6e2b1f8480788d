"""Altered files are refused in a sentence or are sound; `tests/bench/mutants.py` tries 20,000."""

from collections import Counter

from tests.core.bring_in.mutants import ask, mutant

COUNT = 2_000


def test_any_altered_file_is_refused_or_sound():
    found = Counter((kind, ask(kind, data)) for kind, data in map(mutant, range(COUNT)))
    assert sum(found.values()) == COUNT
    # Else the mutants would try nothing, or be refused for one reason alone.
    for kind in ("configuration", "weights"):
        assert found[kind, "refused"] > COUNT // 3
        assert found[kind, "valid"] > 10


def test_a_mutant_is_the_same_every_time():
    assert [mutant(number) for number in range(20)] == [mutant(number) for number in range(20)]
