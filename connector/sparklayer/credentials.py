"""Keys of one site."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """Client id and secret, as the Dashboard shows them once; the secret is in no repr."""

    client_id: str
    client_secret: str = field(repr=False)
