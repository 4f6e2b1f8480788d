"""Text in a Plotly figure, which reads some tags and entities wherever words stand."""


def figure_text(text: str) -> str:
    """Take from a text whatever Plotly would read as a tag or an entity."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
