"""Credentials at rest: sealed with a key from the settings, so that the database alone gives nothing away."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from connector.errors import UserFault

_FORM = "v1"


class Vault:
    """Seals short texts with one key, and unseals what this or another known key has sealed.

    A sealed text names the key that made it, not the key itself.
    """

    def __init__(self, secret_key: str, *others: str) -> None:
        """`secret_key` is the setting PAYLAYER_SECRET_KEY; `others` are read with, and seal nothing."""
        self.key_id = _key_id(secret_key)
        self._keys = {_key_id(key): _fernet(key) for key in (secret_key, *others)}

    @property
    def beginning(self) -> str:
        """What every text begins with that is sealed with the first key."""
        return f"{_FORM}.{self.key_id}."

    def seal(self, text: str) -> str:
        """`v1.<key id>.<token>`; sealing twice gives two different texts."""
        return self.beginning + self._keys[self.key_id].encrypt(text.encode()).decode("ascii")

    def unseal(self, sealed: str) -> str:
        """The text again. Raises `UserFault` where a key that is not known sealed it or where it was tampered with."""
        form, _, rest = sealed.partition(".")
        key_id, _, token = rest.partition(".")
        if form != _FORM or not token:
            raise UserFault("a stored credential is damaged: set it again with `paylayer connections update`")
        if key_id not in self._keys:
            raise UserFault(
                f"a stored credential was sealed with another key (id {key_id}, this one is {self.key_id}): "
                "set PAYLAYER_SECRET_KEY, or PAYLAYER_SECRET_KEY_SECOND, to the value it had, or set the "
                "credentials again"
            )
        try:
            return self._keys[key_id].decrypt(token.encode("ascii")).decode()
        except (InvalidToken, UnicodeError) as error:
            raise UserFault(
                "a stored credential is damaged: set it again with `paylayer connections update`"
            ) from error


def _fernet(secret_key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_derived(secret_key, b"paylayer credentials")))


def _key_id(secret_key: str) -> str:
    return hashlib.sha256(_derived(secret_key, b"paylayer key id")).hexdigest()[:12]


def _derived(secret_key: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose).derive(secret_key.encode())
