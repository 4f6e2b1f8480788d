"""NetSketch: sketch a network, watch it learn, sketch a digit."""

from pathlib import Path

import streamlit as st

from core.device import take_one_core
from pages.shared import state
from pages.shared.strip import strip

# Pages compute on one thread; the training thread alone has a team of all cores.
take_one_core()

st.set_page_config(page_title="NetSketch", page_icon=":material/gesture:", layout="wide")
st.html(Path(__file__).parent / "pages" / "shared" / "style.css")
page = st.navigation(
    [
        st.Page(
            "pages/build_page.py", title="Build", icon=":material/deployed_code:", default=True
        ),
        st.Page(
            "pages/train_page.py", title="Train", icon=":material/show_chart:", url_path="train"
        ),
        st.Page("pages/draw_page.py", title="Draw", icon=":material/draw:", url_path="draw"),
    ],
    position="top",
)
state.read_address()
strip()
page.run()
state.write_address()
