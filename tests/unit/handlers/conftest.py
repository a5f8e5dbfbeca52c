"""Desks that are closed again."""

from collections.abc import AsyncIterator, Callable

import pytest

from tests.support.handler_desk import Desk


@pytest.fixture
async def desk_of() -> AsyncIterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def desk_of(**options: object) -> Desk:
        made.append(Desk(**options))  # type: ignore[arg-type]
        return made[-1]

    yield desk_of
    for desk in made:
        await desk.client.aclose()


@pytest.fixture
def desk(desk_of: Callable[..., Desk]) -> Desk:
    return desk_of()
