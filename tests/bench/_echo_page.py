"""The page that `latency` compares the Draw page with: the same canvas, and a count of strokes."""

import streamlit as st
from streamlit_drawable_canvas import st_canvas


@st.fragment
def easel() -> None:
    """Show the canvas and how many strokes are on it."""
    result = st_canvas(
        drawing_mode="freedraw",
        stroke_width=20,
        stroke_color="#ffffff",
        background_color="#000000",
        width=340,
        height=340,
        return_image_data=True,
        key="canvas",
    )
    with st.container(key="answer"):
        st.markdown(str(len((result.json_data or {}).get("objects", []))))


easel()
