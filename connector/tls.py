"""Whom this process trusts, read once: an SSL context takes milliseconds and memory, and every client needs one."""

import ssl
from functools import cache

import httpx


@cache
def trusted() -> ssl.SSLContext:
    """Httpx's own default: its authorities, or those of SSL_CERT_FILE and SSL_CERT_DIR; to be shared, not changed."""
    return httpx.create_ssl_context()
