"""A page whose script takes many times as long as its panel may rest."""

import time

import streamlit as st

from pages.shared import live

PARTS = 10
PART_S = 0.1
REST_S = 0.05
LOOK_S = 0.04
LAST = 12


def _panel() -> float | None:
    looks = st.session_state["looks"] = st.session_state.get("looks", 0) + 1
    time.sleep(LOOK_S)
    st.markdown(f"look {looks}")
    return REST_S if looks < LAST else None


live.begin()
live.live("panel", _panel)
for part in range(PARTS):
    time.sleep(PART_S)
    st.markdown(f"part {part}")
live.end()
