"""NetSketch: sketch a network, watch it learn, sketch a digit.

Streamlit imports this file once, to serve `app`, and runs it as a script whenever a page is drawn.
A server whose settings are wrong says so and ends before it serves anyone.
"""

import sys
from pathlib import Path

import streamlit as st
from streamlit import runtime

from core.machine.device import share_freed_memory, take_one_core
from core.serving.limits import limits
from core.start import main

# Pages compute on one thread; the training thread alone has a team of all cores.
take_one_core()

if runtime.exists():
    from pages.shared.frame import frame

    frame()
else:
    from pages.shared.served import budget_of, lifespan, middleware

    if status := main():
        sys.exit(status)
    share_freed_memory()
    app = st.App(Path(__file__), middleware=middleware(budget_of(limits())), lifespan=lifespan())
