"""Credentials at rest: sealed with a key from the settings, so that the database alone gives nothing away."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from connector.errors import UserFault

_FORM = "v1"


class Vault:
    """Seals and unseals short texts. A sealed text names the key that made it, not the key itself."""

    def __init__(self, secret_key: str) -> None:
        """`secret_key` is the setting PAYLAYER_SECRET_KEY."""
        self._fernet = Fernet(base64.urlsafe_b64encode(_derived(secret_key, b"paylayer credentials")))
        self._key_id = hashlib.sha256(_derived(secret_key, b"paylayer key id")).hexdigest()[:12]

    def seal(self, text: str) -> str:
        """`v1.<key id>.<token>`; sealing twice gives two different texts."""
        return f"{_FORM}.{self._key_id}.{self._fernet.encrypt(text.encode()).decode('ascii')}"

    def unseal(self, sealed: str) -> str:
        """The text again. Raises `UserFault` where another key sealed it or where it was tampered with."""
        form, _, rest = sealed.partition(".")
        key_id, _, token = rest.partition(".")
        if form != _FORM or not token:
            raise UserFault("a stored credential is damaged: set it again with `paylayer connections update`")
        if key_id != self._key_id:
            raise UserFault(
                f"a stored credential was sealed with another key (id {key_id}, this one is {self._key_id}): "
                "set PAYLAYER_SECRET_KEY to the value it had, or set the credentials again"
            )
        try:
            return self._fernet.decrypt(token.encode("ascii")).decode()
        except (InvalidToken, UnicodeError) as error:
            raise UserFault(
                "a stored credential is damaged: set it again with `paylayer connections update`"
            ) from error


def _derived(secret_key: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose).derive(secret_key.encode())
