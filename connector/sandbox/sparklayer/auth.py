"""Tokens of one site: made from the keys, short-lived, all of them dead after a revocation."""

from datetime import datetime, timedelta
from typing import cast

from connector.sandbox.sparklayer.policy import SitePolicy
from connector.sandbox.sparklayer.problems import FieldError, Refusal, invalid
from connector.sandbox.sparklayer.shapes import Fields, Text, demand
from connector.sandbox.sparklayer.site import SparkLayerSite
from connector.sandbox.sparklayer.wire import Row

_REQUEST = Fields(
    {
        "grant_type": Text(choices=frozenset({"client_credentials", "refresh_token", "password"})),
        "client_id": Text(),
        "client_secret": Text(),
        "username": Text(),
        "password": Text(),
        "refresh_token": Text(),
    },
    required=frozenset({"grant_type"}),
)
_MOST_TOKENS = 1000


class Tokens:
    """Who may call: the last thousand tokens that live."""

    def __init__(self, site: SparkLayerSite) -> None:
        self._site = site
        self._expiry: dict[str, datetime] = {}
        self.keys_refused = False

    def issue(self, policy: SitePolicy, body: object) -> Row:
        """Answer of the token call; 401 for wrong or refused keys."""
        demand(_REQUEST, body)
        fields = cast("Row", body)
        if fields["grant_type"] != "client_credentials":
            raise invalid([FieldError("invalid-value", "grant_type", "only client_credentials works with these keys")])
        keys = (fields.get("client_id"), fields.get("client_secret"))
        if self.keys_refused or keys != (policy.client_id, policy.client_secret):
            raise unauthorized("The client id or the client secret is wrong.")
        token = self._site.ids.make("sandbox.")
        now = self._site.clock()
        self._expiry = {known: expiry for known, expiry in self._expiry.items() if expiry > now}
        while len(self._expiry) >= _MOST_TOKENS:
            del self._expiry[next(iter(self._expiry))]
        self._expiry[token] = now + timedelta(seconds=policy.token_seconds)
        return {"token_type": "bearer", "expires_in": policy.token_seconds, "access_token": token}

    def check(self, authorization: str) -> None:
        """401 unless the header carries a token that lives."""
        scheme, _, token = authorization.partition(" ")
        expiry = self._expiry.get(token)
        if scheme.lower() != "bearer" or expiry is None or expiry <= self._site.clock():
            raise unauthorized("The token is missing, unknown or expired.")

    def revoke(self, *, keys: bool) -> None:
        """All tokens die at once; `keys` says whether new ones are refused from now on."""
        self._expiry.clear()
        self.keys_refused = keys


def unauthorized(detail: str) -> Refusal:
    """A 401."""
    return Refusal(401, "unauthorized", detail)
