"""NetSketch: sketch a network, watch it learn, sketch a digit.

Streamlit imports this file once, to serve `app`, and runs it as a script whenever a page is drawn.
"""

from pathlib import Path

import streamlit as st
from streamlit import runtime

from core.device import take_one_core

# Pages compute on one thread; the training thread alone has a team of all cores.
take_one_core()

if runtime.exists():
    from pages.shared.frame import frame

    frame()
else:
    app = st.App(Path(__file__))
