"""From settings to what aiokafka and FastStream want to hear about addresses, TLS and SASL."""

import re
import ssl
from typing import Any

from aiokafka.helpers import create_ssl_context
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from connector.errors import UserFault
from connector.settings import Settings
from connector.settings.service import EMBEDDED

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):(\d{1,5})")
_SCRAM = {"SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


def addresses(settings: Settings) -> list[str]:
    """The bootstrap servers, one by one. Raises `UserFault` for anything that is no `host:port` list."""
    servers = [part.strip() for part in settings.kafka_bootstrap_servers.split(",") if part.strip()]
    if not servers:
        raise UserFault("PAYLAYER_KAFKA_BOOTSTRAP_SERVERS is empty: name the brokers as host:port,host:port")
    for server in servers:
        if server == EMBEDDED:
            raise UserFault(
                "the embedded broker lives inside one process (`paylayer demo`); for anything else set "
                "PAYLAYER_KAFKA_BOOTSTRAP_SERVERS to a broker's host:port"
            )
        if _ADDRESS.fullmatch(server) is None:
            raise UserFault(f"PAYLAYER_KAFKA_BOOTSTRAP_SERVERS: {server!r} is no host:port, such as localhost:9092")
    return servers


def client_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments of every aiokafka client. Raises `UserFault` for settings that contradict each other."""
    protocol = settings.kafka_security_protocol
    options: dict[str, Any] = {"bootstrap_servers": addresses(settings), "security_protocol": protocol}
    _check(settings)
    if protocol.endswith("SSL"):
        options["ssl_context"] = _ssl_context(settings)
    if protocol.startswith("SASL"):
        username, password = _credentials(settings)
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism or "PLAIN",
            "sasl_plain_username": username,
            "sasl_plain_password": password,
        }
    return options


def faststream_security(settings: Settings) -> BaseSecurity | None:
    """The same for a FastStream broker; none for PLAINTEXT."""
    _check(settings)
    protocol = settings.kafka_security_protocol
    context = _ssl_context(settings) if protocol.endswith("SSL") else None
    if protocol == "PLAINTEXT":
        return None
    if protocol == "SSL":
        return BaseSecurity(ssl_context=context)
    username, password = _credentials(settings)
    kind = _SCRAM.get(settings.kafka_sasl_mechanism or "PLAIN", SASLPlaintext)
    return kind(username=username, password=password, ssl_context=context, use_ssl=context is not None)


def _check(settings: Settings) -> None:
    protocol = settings.kafka_security_protocol
    sasl = {
        "KAFKA_SASL_MECHANISM": settings.kafka_sasl_mechanism,
        "KAFKA_SASL_USERNAME": settings.kafka_sasl_username,
        "KAFKA_SASL_PASSWORD": settings.kafka_sasl_password,
    }
    files = {
        "KAFKA_SSL_CAFILE": settings.kafka_ssl_cafile,
        "KAFKA_SSL_CERTFILE": settings.kafka_ssl_certfile,
        "KAFKA_SSL_KEYFILE": settings.kafka_ssl_keyfile,
    }
    said = "PAYLAYER_KAFKA_SECURITY_PROTOCOL"
    if not protocol.startswith("SASL") and (given := [name for name, value in sasl.items() if value]):
        raise UserFault(
            f"PAYLAYER_{given[0]} is set but {said} is {protocol}: set it to SASL_SSL (or SASL_PLAINTEXT), "
            f"or unset {', '.join('PAYLAYER_' + name for name in given)}"
        )
    if protocol.startswith("SASL"):
        for name in ("KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"):
            if not sasl[name]:
                raise UserFault(f"{said} is {protocol}, so PAYLAYER_{name} has to be set as well")
    if not protocol.endswith("SSL") and (given := [name for name, value in files.items() if value]):
        raise UserFault(
            f"PAYLAYER_{given[0]} is set but {said} is {protocol}: set it to SSL or SASL_SSL, or unset the file"
        )
    if files["KAFKA_SSL_KEYFILE"] and not files["KAFKA_SSL_CERTFILE"]:
        raise UserFault("PAYLAYER_KAFKA_SSL_KEYFILE needs its certificate: set PAYLAYER_KAFKA_SSL_CERTFILE")
    for name, path in files.items():
        if path is not None and not path.is_file():
            raise UserFault(f"PAYLAYER_{name}: there is no file {path}")


def _credentials(settings: Settings) -> tuple[str, str]:
    password = settings.kafka_sasl_password
    return settings.kafka_sasl_username or "", password.get_secret_value() if password else ""


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    try:
        context: ssl.SSLContext = create_ssl_context(
            cafile=_text(settings.kafka_ssl_cafile),
            certfile=_text(settings.kafka_ssl_certfile),
            keyfile=_text(settings.kafka_ssl_keyfile),
        )
    except (ssl.SSLError, OSError) as error:
        raise UserFault(f"the TLS files of PAYLAYER_KAFKA_SSL_* cannot be used: {error}") from error
    return context


def _text(path: object) -> str | None:
    return None if path is None else str(path)
