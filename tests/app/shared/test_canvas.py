"""What the canvas relies on in Streamlit."""

import inspect


def test_streamlit_still_unpacks_what_a_browser_sends_by_the_function_that_is_guarded():
    from streamlit.runtime.state import session_state

    source = inspect.getsource(session_state)
    # Defined elsewhere, and looked up here by name wherever a value is read.
    assert "unpack_widget_state_value(" in source
    assert callable(session_state.unpack_widget_state_value)
