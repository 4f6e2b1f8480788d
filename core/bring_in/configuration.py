"""A configuration from a file."""

from core.bring_in.header import BringInError
from core.codec import MAX_JSON_BYTES, from_json
from core.spec import RunSpec


def configuration(data: bytes) -> RunSpec:
    """Read what `core.codec.to_json` wrote.

    Raises:
        UserError: it is too large, no text, no JSON, or no configuration of this NetSketch.
    """
    if len(data) > MAX_JSON_BYTES:
        raise BringInError(
            f"A configuration has at most {MAX_JSON_BYTES // 1024} KB; this file has "
            f"{len(data) / 1024:,.0f} KB."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BringInError("The configuration is not text: it must be JSON in UTF-8.") from error
    return from_json(text)
