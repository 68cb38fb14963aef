"""Private parts of pinned libraries that the worker relies on: this fails before a worker does."""

from __future__ import annotations

import inspect
from importlib.metadata import version

import pytest
from faust import App
from faust.streams import Stream
from faust.transport.consumer import Consumer
from faust.transport.drivers import aiokafka as driver


@pytest.mark.parametrize(
    ("package", "pinned"), [("faust-streaming", "0.15.3"), ("aiokafka", "0.14.0"), ("mode-streaming", "0.7.1")]
)
def test_the_versions_are_those_the_seek_was_measured_with(package: str, pinned: str) -> None:
    assert version(package) == pinned


def test_faust_still_asks_the_consumer_to_seek_and_the_app_for_its_transport() -> None:
    assert inspect.iscoroutinefunction(Consumer.perform_seek)
    assert "_read_offset" in inspect.getsource(Consumer.perform_seek)
    assert "_committed_offset" in inspect.getsource(Consumer.perform_seek)
    assert driver.Transport.Consumer is driver.Consumer
    assert list(inspect.signature(App._new_transport).parameters) == ["self"]
    assert list(inspect.signature(App._on_agent_error).parameters) == ["self", "agent", "exc"]


def test_noack_take_leaves_the_acknowledging_to_the_agent() -> None:
    source = inspect.getsource(Stream.noack_take)
    assert "self.enable_acks = False" in source
    assert inspect.iscoroutinefunction(Stream.ack)
