"""One sentence for a broker that does not answer, with its address and what to do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedSaslMechanismError,
)

from connector.errors import Unavailable
from connector.settings import Settings

_REFUSED = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
_FORBIDDEN = (ClusterAuthorizationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError)


@asynccontextmanager
async def reaching(settings: Settings, doing: str, seconds: float = 20.0) -> AsyncIterator[None]:
    """Raise `Unavailable` where the block meets a Kafka error or takes longer than `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise unavailable(settings, doing, error) from error


def unavailable(settings: Settings, doing: str, error: BaseException, topic: str | None = None) -> Unavailable:
    """What happened while `doing` something, where, and what to do next."""
    where = f"Kafka at {settings.kafka_bootstrap_servers}"
    about = f" (topic {topic})" if topic else ""
    if isinstance(error, _REFUSED):
        return Unavailable(
            f"{where} refused the credentials while {doing}{about}: check PAYLAYER_KAFKA_SASL_* "
            "and PAYLAYER_KAFKA_SECURITY_PROTOCOL"
        )
    if isinstance(error, _FORBIDDEN):
        return Unavailable(
            f"{where} does not allow {doing}{about} ({type(error).__name__}): grant this user the right to"
            " read and write PayLayer's topics and groups"
        )
    if isinstance(error, UnknownTopicOrPartitionError):
        return Unavailable(
            f"{where} does not tell of the topic {topic or 'that is needed'} ({doing}): check that the broker runs, and"
            " run `paylayer topics create` where the topic is missing"
        )
    if isinstance(error, (KafkaConnectionError, ConnectionError)):
        return Unavailable(
            f"{where} cannot be reached while {doing}{about}: check the address (PAYLAYER_KAFKA_BOOTSTRAP_SERVERS), "
            "that the broker runs, and PAYLAYER_KAFKA_SECURITY_PROTOCOL"
        )
    if isinstance(error, TimeoutError):
        return Unavailable(f"{where} did not answer in time while {doing}{about}: check that it runs and is healthy")
    return Unavailable(
        f"{where} failed while {doing}{about} ({type(error).__name__}: {error}): check the address "
        "(PAYLAYER_KAFKA_BOOTSTRAP_SERVERS) and that the broker runs"
    )
