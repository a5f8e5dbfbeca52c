"""Platforms are asked with a token; a cookie that one sets would only be a second thing to go wrong."""

from http.cookiejar import CookieJar, DefaultCookiePolicy


def no_cookies() -> CookieJar:
    """A jar that takes none and sends none."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))
