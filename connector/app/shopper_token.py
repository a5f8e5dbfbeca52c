"""Who a shopper is, as the storefront signed it: a JSON web token (HS256) with the customer's id as its subject."""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

_PARTS = 3


def customer_of(token: str, secret: str, now: datetime) -> str | None:
    """The customer's id in the store; none for a token that is not ours, has expired or names nobody."""
    parts = token.split(".")
    if len(parts) != _PARTS or not token.isascii():
        return None
    wanted = hmac.new(secret.encode(), f"{parts[0]}.{parts[1]}".encode(), hashlib.sha256).digest()
    given = _bytes(parts[2])
    if given is None or not hmac.compare_digest(given, wanted):
        return None
    header, claims = _object(parts[0]), _object(parts[1])
    if header.get("alg") != "HS256":
        return None
    expires, subject = claims.get("exp"), claims.get("sub")
    if not isinstance(expires, int | float) or isinstance(expires, bool) or expires <= now.timestamp():
        return None
    text = str(subject) if isinstance(subject, str | int) and not isinstance(subject, bool) else ""
    return text if text.isascii() and text.isdecimal() else None


def _bytes(part: str) -> bytes | None:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None


def _object(part: str) -> dict[str, Any]:
    raw = _bytes(part)
    try:
        found = json.loads(raw or b"null")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
