"""The broker in a container. Skipped without a Docker daemon or the image, also where PAYLAYER_TEST_REQUIRE=1: that
variable asks for a real broker, and deploy/kafka gives one where no daemon can run."""

from collections.abc import Iterator

import pytest

from connector.ports import Priority
from tests.support.brokers import NoBroker, container_broker, with_topics
from tests.support.intakes import RecordingSink, publishing, running, stock, until

pytestmark = pytest.mark.docker


@pytest.fixture
def container() -> Iterator[str]:
    started = container_broker()
    try:
        address = started.__enter__()
    except NoBroker as reason:
        pytest.skip(str(reason))
    try:
        yield address
    finally:
        started.__exit__(None, None, None)


async def test_an_event_goes_through_the_public_image(container: str) -> None:
    settings = await with_topics(container)
    event, sink = stock("A"), RecordingSink()
    async with publishing(settings) as publisher, running(settings, sink, publisher):
        await publisher.publish([event], Priority.LIVE)
        await until(lambda: len(sink.taken) == 1)
    assert sink.ids() == [event.id]
