"""Who looks: one browser, whatever tab and however often it reloads."""

from hashlib import sha256

import streamlit as st

from pages.shared import state

_COOKIE = "_streamlit_xsrf"


def person() -> str:
    """Return a name for this browser that no other one has and nobody else can tell."""
    token = token_of(st.context.cookies.get(_COOKIE, ""))
    return sha256(token).hexdigest()[:16] if token else state.asker()


def token_of(cookie: str) -> bytes:
    """Return what stays the same in a browser's cookie against forged requests; empty if nothing.

    Such a cookie is written anew at every visit as `2|MASK|MASKED TOKEN|TIME`, in hexadecimal,
    each byte of the token combined with one of the mask by exclusive or.
    """
    parts = cookie.split("|")
    if len(parts) != 4 or parts[0] != "2":
        return b""
    try:
        mask, masked = bytes.fromhex(parts[1]), bytes.fromhex(parts[2])
    except ValueError:
        return b""
    if not mask:
        return b""
    return bytes(byte ^ mask[i % len(mask)] for i, byte in enumerate(masked))
