"""A client joined to a sandbox in-process."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from connector.sparklayer import SparkLayerClient
from tests.support.sparklayer_rig import Rig


@pytest.fixture
async def rig_of() -> AsyncIterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def rig_of(**policy: Any) -> Rig:
        made.append(Rig(**policy))
        return made[-1]

    yield rig_of
    for rig in made:
        for client in rig.clients:
            await client.aclose()


@pytest.fixture
def rig(rig_of: Callable[..., Rig]) -> Rig:
    return rig_of()


@pytest.fixture
def client(rig: Rig) -> SparkLayerClient:
    return rig.client()
