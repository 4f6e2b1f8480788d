"""A browser's half of Streamlit's protocol without a page: it asks as a tab does and draws nothing.

So what a served page costs its server can be measured on the server's own machine.

It keeps time as Streamlit 1.67's page does (`handleAutoRerun`, `handleNewSession` in its bundle):
a panel that looks by itself has a `setInterval` of its own from the moment its `auto_rerun` message
arrives, which goes on, whether the page's script runs or the last look has been answered, until a
run of the whole script begins, another page is opened, or a message names another interval; the
same interval again changes nothing. What is missed while the machine is busy is left out.
Headless Chromium's frames show the same: seven requests of a panel of 0.3 s during a script of 2 s.
Streamlit keeps them, as one, until the script is at its end, so none stops it; what they cost is
what keeps pages waiting. (Only one that comes in the instant between a script's end and its last
message makes Streamlit forget what it has not yet sent; no panel of NetSketch's looks so early.)

It differs in this: a browser also sends the values of all widgets with each request, from which the
server looks for changed ones; it draws, which takes the same processor where both are on one
machine; and in a tab that nobody sees Chromium lets timers go off once a second at most, after five
minutes once a minute.
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
        # What the server calls each page, by its path; and the page of the last whole run.
        self._pages: dict[str, str] = {}
        self._drawn = ""
        self._components: dict[str, str] = {}
        self._uploaders: dict[str, str] = {}
        # What the uploaders hold: of each by its id, the file's id, name and bytes.
        self._files: dict[str, tuple[str, str, int]] = {}
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

    def go(self, page: str) -> None:
        """Open another page by the navigation.

        Args:
            page: its path, without slashes.
        """
        self._timers.clear()
        self._page, self._page_hash, self._drawn = page, self._pages[page], ""
        self._ask()

    def arrive(self, seconds: float = PATIENCE_S) -> bool:
        """Wait until the page that was asked for last is drawn to its end; return whether it is."""
        for message in self.messages(seconds):
            if (
                message.WhichOneof("type") == "script_finished"
                and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
                and self._drawn == self._page_hash != ""
            ):
                return True
        return False

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

    def choose(self, key: str, file_id: str, name: str, size: int) -> None:
        """Say that a file which has been uploaded is in the uploader that the page calls so."""
        self._files[self._uploaders[key]] = file_id, name, size
        self._ask()

    def forge(self, key: str, value: str) -> None:
        """Send a text as what the component that the page calls so holds, whatever it is."""
        back = self._rerun()
        widget = back.rerun_script.widget_states.widgets.add()
        widget.id = self._components[key]
        widget.json_value = value
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
        for uploader, (file_id, name, size) in self._files.items():
            widget = back.rerun_script.widget_states.widgets.add()
            widget.id = uploader
            file = widget.file_uploader_state_value.uploaded_file_info.add()
            file.file_id, file.name, file.size = file_id, name, size
            file.file_urls.file_id = file_id
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
                missed = (now - due) // interval
                self._timers[fragment] = (interval, due + (missed + 1) * interval)

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
            self._drawn = message.new_session.page_script_hash
        elif kind == "navigation":
            self._page_hash = self._drawn = message.navigation.page_script_hash
            self._pages = {
                page.url_pathname: page.page_script_hash for page in message.navigation.app_pages
            }
        elif kind == "script_finished":
            self._run += 1
            self._known = {k: run for k, run in self._known.items() if run >= self._run - KEPT_RUNS}
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            if element.WhichOneof("type") == "button":
                self._buttons[element.button.id.rpartition("-")[2]] = element.button.id
            elif element.WhichOneof("type") == "file_uploader":
                self._uploaders[element.file_uploader.id.rpartition("-")[2]] = (
                    element.file_uploader.id
                )
            elif element.WhichOneof("type") == "bidi_component":
                shown = element.bidi_component.id
                self._components[shown.rpartition("-")[2]] = shown


def words(message: ForwardMsg) -> str:
    """The text that a message puts on the page, or nothing."""
    if message.WhichOneof("type") != "delta":
        return ""
    element = message.delta.new_element
    return element.markdown.body or element.alert.body
