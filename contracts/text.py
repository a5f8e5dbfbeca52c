"""Text rules that every platform's mapping shares: what is absent, what is cut and where."""

import re
import unicodedata

_JOINER = "\u200d"
_KEPT_IN_HTML = "\t\n\r"
_GAPS = re.compile(r"\s+")
_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")


def clean(text: str | None) -> str | None:
    """One line without control characters, trimmed, white space collapsed; none where nothing is left."""
    if not text:
        return None
    if text.isprintable():  # nearly all texts: then the only white space is the space, and nothing has to go
        return " ".join(text.split()) or None
    spaced = "".join(" " if char.isspace() else char for char in text if char.isspace() or _can_be_stored(char))
    return _GAPS.sub(" ", spaced).strip() or None


def clean_html(text: str | None) -> str | None:
    """Markup as it is, without characters that no database or JSON reader takes; none where nothing is left."""
    if not text:
        return None
    kept = "".join(char for char in text if char in _KEPT_IN_HTML or _can_be_stored(char))
    return kept if kept.strip() else None


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, never between a letter and the marks that belong to it."""
    if len(text) <= limit:
        return text
    end = limit
    while end > 0 and (_belongs_to_previous(text[end]) or text[end - 1] == _JOINER):
        end -= 1
    return text[: end or limit].rstrip()


def slugify(text: str) -> str:
    """Lower-case ASCII words joined by `-`; empty where a script has no ASCII form."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _NOT_IN_SLUG.sub("-", plain.lower()).strip("-")


def _can_be_stored(char: str) -> bool:
    return unicodedata.category(char) not in {"Cc", "Cs"}


def _belongs_to_previous(char: str) -> bool:
    return unicodedata.category(char).startswith("M") or char == _JOINER or "\U0001f3fb" <= char <= "\U0001f3ff"
