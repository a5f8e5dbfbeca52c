"""Flags, which the platform writes as true, 1 or text alike."""


def is_set(value: object) -> bool:
    """Whether a flag is on; null, "", 0 and "false" are off."""
    if isinstance(value, str):
        return value.strip().lower() in {"1", "true", "yes"}
    return bool(value)
