"""A configuration from a file."""

from core.bring_in.header import BringInError
from core.spec import RunSpec
from core.spec.codec import MAX_JSON_BYTES, from_json
from core.words.message import N_, message


def configuration(data: bytes) -> RunSpec:
    """Read what `core.spec.codec.to_json` wrote.

    Raises:
        UserError: it is too large, no text, no JSON, or no configuration of this NetSketch.
    """
    if len(data) > MAX_JSON_BYTES:
        raise BringInError(
            message(
                "A configuration has at most {most} KB; this file has {size:,.0f} KB.",
                most=MAX_JSON_BYTES // 1024,
                size=len(data) / 1024,
            )
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BringInError(
            N_("The configuration is not text: it must be JSON in UTF-8.")
        ) from error
    return from_json(text)
