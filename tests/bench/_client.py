"""A browser's half of Streamlit's protocol without a page: it asks as a tab does and draws nothing.

So what a served page costs its server can be measured on the server's own machine.
"""

import re
import time
from collections.abc import Iterator
from typing import Final, Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

# A fragment that looks by itself never lets the connection rest for long.
PATIENCE_S: Final = 60.0
# Streamlit's `global.maxCachedMessageAge`.
KEPT_RUNS: Final = 2


class Client:
    """One tab. Use it as a context; it leaves when the context ends.

    Args:
        address: where the app is served, such as `http://127.0.0.1:8501`.
        page: the path of the page, without slashes.
        query: of the address, without its question mark.
    """

    def __init__(self, address: str, page: str = "", query: str = "") -> None:
        self._page, self._page_hash, self._query = page, "", query
        self._buttons: dict[str, str] = {}
        # A fragment's id, its interval in seconds and when it is due.
        self._timers: dict[str, tuple[float, float]] = {}
        # Messages that need not be sent again, and the run in which each was last seen.
        self._known: dict[str, int] = {}
        self._run = 0
        self._socket = connect(
            f"ws{address.removeprefix('http')}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            max_size=None,
            # What the server still sends is read by nobody, and its goodbye comes after that.
            close_timeout=0.5,
        )
        self._ask()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._socket.close()

    def messages(self, seconds: float = PATIENCE_S) -> Iterator[ForwardMsg]:
        """Yield what the server sends for so long, and ask again when a fragment is due."""
        end = time.perf_counter() + seconds
        while (now := time.perf_counter()) < end:
            due = min((due for _, due in self._timers.values()), default=end)
            if due <= now:
                self._tick(now)
                continue
            try:
                data = self._socket.recv(timeout=min(due, end) - now)
            except TimeoutError:
                continue
            assert isinstance(data, bytes)
            message = ForwardMsg.FromString(data)
            self._take(message)
            yield message

    def settle(self) -> None:
        """Wait until a run of the whole script is over."""
        for message in self.messages():
            if (
                message.WhichOneof("type") == "script_finished"
                and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
            ):
                return
        raise TimeoutError(f"the page was not there after {PATIENCE_S} s")

    def wait_for(self, pattern: str, seconds: float = PATIENCE_S) -> re.Match[str]:
        """Wait for words on the page and return what matched."""
        for message in self.messages(seconds):
            if found := re.search(pattern, words(message)):
                return found
        raise TimeoutError(f"nothing on the page matched {pattern!r} in {seconds} s")

    def click(self, key: str) -> None:
        """Press the button that the page calls so."""
        back = self._rerun()
        widget = back.rerun_script.widget_states.widgets.add()
        widget.id = self._buttons[key]
        widget.trigger_value = True
        self._socket.send(back.SerializeToString())

    def _ask(self) -> None:
        self._socket.send(self._rerun().SerializeToString())

    def _rerun(self) -> BackMsg:
        back = BackMsg()
        # The name of the address at first, and what the server calls that page from then on.
        if self._page_hash:
            back.rerun_script.page_script_hash = self._page_hash
        else:
            back.rerun_script.page_name = self._page
        back.rerun_script.query_string = self._query
        back.rerun_script.cached_message_hashes.extend(self._known)
        back.rerun_script.context_info.timezone = "UTC"
        back.rerun_script.context_info.locale = "en-US"
        return back

    def _tick(self, now: float) -> None:
        for fragment, (interval, due) in self._timers.items():
            if due <= now:
                back = self._rerun()
                back.rerun_script.fragment_id = fragment
                back.rerun_script.is_auto_rerun = True
                self._socket.send(back.SerializeToString())
                self._timers[fragment] = (interval, max(due + interval, now))

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if message.metadata.cacheable or kind == "ref_hash":
            self._known[message.hash if kind != "ref_hash" else message.ref_hash] = self._run
        if kind == "auto_rerun":
            asked = message.auto_rerun
            if self._timers.get(asked.fragment_id, (None,))[0] != asked.interval:
                due = time.perf_counter() + asked.interval
                self._timers[asked.fragment_id] = (asked.interval, due)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._timers.pop(fragment, None)
        elif kind == "new_session" and not message.metadata.run.fragment_ids:
            self._timers.clear()
        elif kind == "navigation":
            self._page_hash = message.navigation.page_script_hash
        elif kind == "script_finished":
            self._run += 1
            self._known = {k: run for k, run in self._known.items() if run >= self._run - KEPT_RUNS}
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            if element.WhichOneof("type") == "button":
                self._buttons[element.button.id.rpartition("-")[2]] = element.button.id


def words(message: ForwardMsg) -> str:
    """The text that a message puts on the page, or nothing."""
    if message.WhichOneof("type") != "delta":
        return ""
    element = message.delta.new_element
    return element.markdown.body or element.alert.body
