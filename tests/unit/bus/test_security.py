import ssl
from pathlib import Path
from typing import Any

import pytest
from faststream.security import SASLPlaintext, SASLScram512

from connector.bus.security import addresses, client_options, faststream_security
from connector.errors import UserFault
from connector.settings import Settings

_LOGIN = {"kafka_sasl_username": "u", "kafka_sasl_password": "s3cret"}


def _settings(**values: Any) -> Settings:
    return Settings(kafka_bootstrap_servers=values.pop("servers", "kafka:9092"), **values)


def test_plain() -> None:
    settings = _settings(servers=" a:9092, b:9093 ,[::1]:9094")
    assert client_options(settings) == {
        "bootstrap_servers": ["a:9092", "b:9093", "[::1]:9094"],
        "security_protocol": "PLAINTEXT",
    }
    assert faststream_security(settings) is None


@pytest.mark.parametrize("servers", ["", " , ", "kafka", "http://kafka:9092", "kafka:port", "embedded", "a:1,b"])
def test_addresses_that_are_none(servers: str) -> None:
    with pytest.raises(UserFault, match="PAYLAYER_KAFKA_BOOTSTRAP_SERVERS"):
        addresses(_settings(servers=servers))


def test_sasl_over_tls() -> None:
    settings = _settings(kafka_security_protocol="SASL_SSL", kafka_sasl_mechanism="SCRAM-SHA-512", **_LOGIN)
    options = client_options(settings)
    assert (options["sasl_mechanism"], options["sasl_plain_username"], options["sasl_plain_password"]) == (
        "SCRAM-SHA-512", "u", "s3cret",
    )  # fmt: skip
    assert isinstance(options["ssl_context"], ssl.SSLContext)
    security = faststream_security(settings)
    assert isinstance(security, SASLScram512)
    assert security.use_ssl


def test_sasl_without_tls_is_plain_by_default() -> None:
    security = faststream_security(_settings(kafka_security_protocol="SASL_PLAINTEXT", **_LOGIN))
    assert isinstance(security, SASLPlaintext)
    assert not security.use_ssl


def test_tls_alone() -> None:
    settings = _settings(kafka_security_protocol="SSL")
    assert client_options(settings)["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    security = faststream_security(settings)
    assert security is not None
    assert security.use_ssl


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (_LOGIN, "PAYLAYER_KAFKA_SASL_USERNAME is set but .* is PLAINTEXT"),
        ({"kafka_security_protocol": "SASL_SSL"}, "PAYLAYER_KAFKA_SASL_USERNAME has to be set"),
        (
            {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_username": "u"},
            "PAYLAYER_KAFKA_SASL_PASSWORD has to be set",
        ),
        ({"kafka_ssl_cafile": Path("/nowhere")}, "PAYLAYER_KAFKA_SSL_CAFILE is set but .* is PLAINTEXT"),
        ({"kafka_security_protocol": "SSL", "kafka_ssl_cafile": Path("/nowhere")}, "there is no file /nowhere"),
        ({"kafka_security_protocol": "SSL", "kafka_ssl_keyfile": Path(__file__)}, "needs its certificate"),
        ({"kafka_security_protocol": "SSL", "kafka_ssl_cafile": Path(__file__)}, "TLS files .* cannot be used"),
    ],
)
def test_contradictions_are_told(values: dict[str, Any], told: str) -> None:
    with pytest.raises(UserFault, match=told) as fault:
        client_options(_settings(**values))
    assert "s3cret" not in str(fault.value)
