"""The page that `latency` compares the Build page with: one slider and one table."""

import pandas as pd
import streamlit as st

channels = st.slider("Channels", 8, 32, 16, step=8, key="channels")
shapes = pd.DataFrame({"Output shape": [f"{channels} × 28 × 28"]})
st.dataframe(shapes, hide_index=True, key="table")
