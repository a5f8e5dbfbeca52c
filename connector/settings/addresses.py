"""Ids and addresses as people type them."""

import re
from urllib.parse import SplitResult, urlsplit

import httpx

from connector.errors import UserFault

_HOSTS = {"live": "https://app.sparklayer.io", "test": "https://test.app.sparklayer.io"}
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_IN_A_HEADER = re.compile(r"[!-~]+")
_LOCAL = ("localhost", "127.0.0.1", "::1")


def require_id(text: str) -> str:
    """A connection id. Raises `UserFault`."""
    if _ID.fullmatch(text) is None:
        raise UserFault(
            f"{text!r} is no connection id: use 1 to 64 of a-z, 0-9 and -, beginning with a letter or digit"
        )
    return text


def require_url(text: str, option: str) -> str:
    """An address without path; plain http only on this machine. Raises `UserFault`."""
    text = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(text.strip())
        usable = _is_usable(parts) and httpx.URL(f"{parts.scheme}://{parts.netloc}").host
    except (ValueError, httpx.InvalidURL) as error:
        raise UserFault(f"{option}: this is no address such as https://shop.example.com: {error}") from error
    if not usable:
        raise UserFault(f"{option}: write an address such as https://shop.example.com, without user and query")
    if parts.path.rstrip("/") not in ("", "/api/v1"):
        raise UserFault(f"{option} {text!r}: give the address without the path {parts.path}")
    if parts.scheme == "http" and not _is_private(parts.hostname or ""):
        raise UserFault(f"{option} {text!r}: a token must not travel over plain http; write https://")
    return f"{parts.scheme}://{parts.netloc}"


def require_token(text: str, option: str) -> str:
    """A token, key or id that travels in an HTTP header, trimmed. Raises `UserFault`, which does not show it."""
    text = text.strip()
    if _IN_A_HEADER.fullmatch(text) is None:
        raise UserFault(
            f"{option}: this is empty, or has spaces, line breaks or letters beyond ASCII: copy it once more"
        )
    return text


def host_for(site_env: str) -> str:
    """SparkLayer's address of an environment. Raises `UserFault`."""
    if site_env not in _HOSTS:
        raise UserFault(f"--site-env {site_env!r}: write live or test")
    return _HOSTS[site_env]


def _is_usable(parts: SplitResult) -> bool:
    """Scheme and host, and nothing that says who is asking: a password has no place in an address."""
    named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    return named and "@" not in parts.netloc and not parts.query and not parts.fragment


def _is_private(host: str) -> bool:
    """Tell this machine, or a name without a dot (a container on a private network)."""
    return host in _LOCAL or "." not in host
