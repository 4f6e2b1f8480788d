"""The layers of a network as a table."""

import pandas as pd
import streamlit as st

from core.network.layer import Layer
from core.network.layers import Network
from core.spec import place
from core.words.translation import unbroken
from pages.parts.build.network_words import kind
from pages.shared.language import _, say
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
            _("Parameters"): st.column_config.NumberColumn(
                format="accounting", step=1, help=_("Numbers that training sets")
            ),
            _("Multiply-adds"): st.column_config.NumberColumn(
                format="accounting",
                step=1,
                help=_("Multiplications with an addition, for one image"),
            ),
            _("Receptive field"): st.column_config.TextColumn(
                help=_(
                    "The square of the picture that one value of this layer depends on; the mean "
                    "and variance that a norm measures are left out of account"
                )
            ),
        },
    )


def _row(layer: Layer, network: Network) -> dict[str, str | int]:
    window = layer.window
    ends_residual = layer.part in network.residual and layer is network.last_of_block(layer.part)
    operation = kind(layer)
    if ends_residual:
        operation = _("{operation}, + input").format(operation=operation)
    return {
        _("Part"): say(place(layer.part)) if layer.part != "output" else _("Output"),
        _("Layer"): layer.name,
        _("Operation"): operation,
        _("Output shape"): shape(layer.shape),
        _("Kernel"): f"{window} × {window}" if window else "",
        _("Parameters"): layer.params,
        _("Multiply-adds"): layer.multiply_adds,
        _("Receptive field"): unbroken(f"{layer.receptive_field} × {layer.receptive_field} px"),
    }
