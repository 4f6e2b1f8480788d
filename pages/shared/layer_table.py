"""The layers of a network as a table."""

import pandas as pd
import streamlit as st

from core.layers import Layer, Network
from core.spec import place
from pages.shared.words import shape


def layer_table(network: Network) -> None:
    """Show each layer's output shape, kernel, parameters, cost and receptive field."""
    st.dataframe(
        pd.DataFrame([_row(layer, network) for layer in network.layers]),
        hide_index=True,
        width="stretch",
        height="content",
        key="layers",
        column_config={
            "Parameters": st.column_config.NumberColumn(
                format="localized", help="Numbers that training sets"
            ),
            "Multiply-adds": st.column_config.NumberColumn(
                format="localized", help="Multiplications with an addition, for one image"
            ),
            "Receptive field": st.column_config.TextColumn(
                help="The square of the picture that one value of this layer depends on"
            ),
        },
    )


def _row(layer: Layer, network: Network) -> dict[str, str | int]:
    window = layer.window
    ends_residual = layer.part in network.residual and layer is network.last_of_block(layer.part)
    return {
        "Part": place(layer.part) if layer.part != "output" else "Output",
        "Layer": layer.name,
        "Operation": f"{layer.op}, + input" if ends_residual else layer.op,
        "Output shape": shape(layer.shape),
        "Kernel": f"{window} × {window}" if window else "",
        "Parameters": layer.params,
        "Multiply-adds": layer.multiply_adds,
        "Receptive field": f"{layer.receptive_field} × {layer.receptive_field} px",
    }
