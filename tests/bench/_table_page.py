"""The page that `latency` compares the Build page with: one slider and one table."""

import pandas as pd
import streamlit as st

size = st.slider("Size", 1, 9, 5, key="size")
st.dataframe(pd.DataFrame({"Kernel": [f"{size} × {size}"]}), hide_index=True, key="table")
