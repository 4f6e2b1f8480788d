"""The page that `start` compares with: it imports what NetSketch cannot do without, and no more."""

import streamlit as st
import torch

from core.data.torchvision_schemas import import_torchvision

import_torchvision()
st.write(torch.__version__)
