import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.shared.person import token_of

# As one browser sent them at two visits.
FIRST = "2|1ef1e2d8|a1d448985c4f91e36cd3f314ddf45302|1795576944"
SECOND = "2|0dd35f3b|b2f6f57b4f6d2c007ff14ef7ced6eee1|1795576944"


def test_a_browser_is_known_again_after_a_reload():
    assert token_of(FIRST) == token_of(SECOND)
    assert len(token_of(FIRST)) == 16


def test_another_browser_is_another_person():
    other = "2|1ef1e2d8|00d448985c4f91e36cd3f314ddf45302|1795576944"
    assert token_of(other) != token_of(FIRST)


@pytest.mark.parametrize("cookie", ["", "2|zz|11|1", "2||11|1", "1|aa|11|1", "plain"])
def test_what_is_no_such_cookie_tells_nothing(cookie):
    assert token_of(cookie) == b""


@given(st.text())
def test_any_cookie_is_read(cookie):
    assert isinstance(token_of(cookie), bytes)
