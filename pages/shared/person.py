"""Who looks: one browser, whatever tab and however often it reloads; and where from."""

from hashlib import sha256
from ipaddress import IPv6Address, ip_address

import streamlit as st

from pages.shared import session

_COOKIE = "_streamlit_xsrf"


def person() -> str:
    """Return a name for this browser that no other one has and nobody else can tell."""
    token = token_of(st.context.cookies.get(_COOKIE, ""))
    return sha256(token).hexdigest()[:16] if token else session.asker()


def address() -> str:
    """Return where this browser asks from; empty for the machine that NetSketch runs on.

    Behind a proxy on this machine Streamlit tells the address that the proxy was asked from. Of an
    IPv6 address it is the network: a household has as many addresses in it as it likes.
    """
    return network_of(st.context.ip_address or "")


def network_of(told: str) -> str:
    """Return what stands for an address among limits; empty for this machine, or for none."""
    try:
        found = ip_address(told.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found
    if found.is_loopback:
        return ""
    if isinstance(found, IPv6Address):
        return f"{IPv6Address(int(found) >> 64 << 64)}/64"
    return str(found)


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
