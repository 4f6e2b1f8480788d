"""What pages ask beside the runs: a price, a network on other data, a rate to begin with."""

from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor

from core.data.own.owners import OwnData
from core.questions.fair_share import Guests
from core.questions.learning_rate import RangeTest, RangeTests
from core.questions.other_data import OnOtherData, OtherData
from core.questions.price import Price, Prices
from core.runs.registry import Registry
from core.spec import RunSpec
from core.words.errors import UserError
from core.words.message import message


class RunQuestions:
    """Questions of pages and their answers, as far as they are known.

    Args:
        registry: of the runs.
        own_data: people's own images.
        wake: called without a lock held when there is something new to answer.
        most_each: so many may wait of each kind that were asked from one address.
    """

    def __init__(
        self, registry: Registry, own_data: OwnData, wake: Callable[[], None], most_each: int
    ) -> None:
        self._registry = registry
        self.own_data = own_data
        self._prices = Prices(wake, most_each)
        self._other_data = OtherData(wake, most_each=most_each)
        self._range_tests = RangeTests(wake, most_each=most_each)
        self._guests = Guests(
            *(self._prices, self._other_data, self._range_tests),
            trains=lambda: any(run.status == "running" for run in registry.all_active()),
        )

    def price(self, asker: str, spec: RunSpec, address: str = "") -> Price | None:
        """Return what a run would take, or None while that is measured; see `Prices.ask`.

        Args:
            asker: who will ask again: the id of a browser's session.
            spec: one that `check` finds nothing wrong with.
            address: where they ask from; empty for this very machine.
        """
        return self._prices.ask(asker, spec, address)

    def price_pending(self, asker: str) -> bool:
        """Tell whether it is worth asking again for the price that this asker asked for last."""
        return self._prices.pending(asker)

    def measure_on_other_data(self, run_id: str, owner: str = "", address: str = "") -> None:
        """See to it that a run's network is tested on the other data sets of its classes.

        Raises:
            UserError: there is no such run, it is somebody else's, or it has no weights yet.
        """
        spec = self._registry.to_change(run_id, owner).spec
        self._weights_to_test(run_id, owner)
        weights = partial(self._weights_to_test, run_id, owner)
        self._other_data.ask(run_id, spec, weights, owner, address)

    def on_other_data(self, run_id: str) -> tuple[OnOtherData, ...]:
        """Return what is known so far of a run's network on other data sets."""
        return self._other_data.results(run_id)

    def other_data_progress(self, run_id: str) -> float | None:
        """Return the share of a run's tests on other data that is done; None where none goes on."""
        return self._other_data.progress(run_id)

    def range_test(self, asker: str, spec: RunSpec, owner: str = "", address: str = "") -> None:
        """See to it that learning rates are tried on a spec, in place of what the asker had asked.

        Args:
            asker: who will look at it: the id of a browser's session.
            spec: one that `check` finds nothing wrong with.
            owner: the person whose session that is.
            address: where they ask from; empty for this very machine.

        Raises:
            UserError: the images are somebody else's.
        """
        self.own_data.require(spec.data, owner)
        self._range_tests.ask(asker, spec, address)

    def range_tested(self, asker: str, spec: RunSpec) -> RangeTest | None:
        """Return what a range test has found so far; None where it was not asked for."""
        return self._range_tests.look(asker, spec)

    def stop_range_test(self, asker: str) -> None:
        """Stop the range test that this asker has asked for."""
        self._range_tests.stop(asker)

    def _make_room(self) -> None:
        """Let go of what holds much memory, as a run is about to begin."""
        self._prices.drop()
        self._range_tests.make_room()

    def _weights_to_test(self, run_id: str, owner: str) -> Mapping[str, Tensor]:
        """Return what a run has learned.

        Raises:
            UserError: there is no such run, it is somebody else's, or it has no weights yet.
        """
        run = self._registry.to_change(run_id, owner)
        weights = run.weights()
        if weights is None:
            none = message("{run} has no weights yet, so there is nothing to test.", run=run.name)
            raise UserError(run.trouble or none)
        return weights
