"""A real Apache Kafka: what it has committed survives its death, and the commands find it."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.local.kafka import Kafka
from services.local.ports import PORTS
from tests.builders.broker import Broker, need_kafka
from tests.builders.cli import run

pytestmark = pytest.mark.long


async def make_topic(address: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def open_producer(address: str, transactional_id: str) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(bootstrap_servers=address, transactional_id=transactional_id)
    await producer.start()
    return producer


async def send(producer: AIOKafkaProducer, topic: str, *values: bytes) -> None:
    for value in values:
        await producer.send_and_wait(topic, value, partition=0)


async def read_to_end(address: str, topic: str, isolation: str) -> list[tuple[int, bytes]]:
    """Return offset and value of every record that this isolation level shows."""
    consumer = AIOKafkaConsumer(bootstrap_servers=address, isolation_level=isolation)
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        records: list[Any] = []
        while await consumer.position(partition) < end:
            got = await consumer.getmany(partition, timeout_ms=200)
            records += got.get(partition, [])
        return [(record.offset, record.value) for record in records]
    finally:
        await consumer.stop()


def test_the_committed_survives_sigkill_and_the_rest_is_never_seen(own_broker: Broker) -> None:
    async def before() -> None:
        await make_topic(own_broker.address, "bids")
        producer = await open_producer(own_broker.address, "matching-0")
        async with producer.transaction():
            await send(producer, "bids", b"committed 1", b"committed 2")
        await producer.begin_transaction()
        await send(producer, "bids", b"aborted")
        await producer.abort_transaction()
        await producer.begin_transaction()
        await send(producer, "bids", b"open at the kill")
        own_broker.kill()
        producer._closed = True  # its transaction can never end; nothing is left to be told
        await producer.client.close()

    async def after() -> None:
        address = own_broker.address
        everything = await read_to_end(address, "bids", "read_uncommitted")
        assert [value for _, value in everything] == [
            b"committed 1", b"committed 2", b"aborted", b"open at the kill"
        ]  # fmt: skip
        successor = await open_producer(address, "matching-0")  # ends what its forerunner left open
        async with successor.transaction():
            await send(successor, "bids", b"committed 3")
        await successor.stop()
        assert await read_to_end(address, "bids", "read_committed") == [
            (0, b"committed 1"), (1, b"committed 2"), (7, b"committed 3")
        ]  # fmt: skip

    address = own_broker.address
    asyncio.run(before())
    own_broker.start()
    assert own_broker.address == address
    asyncio.run(after())


def test_a_paused_node_is_there_but_does_not_answer(
    own_broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(own_broker.kafka.folder)
    with own_broker.paused():
        assert run("kafka", "status", "--data", folder) == 1
    assert "does not answer" in capsys.readouterr().err
    own_broker.start()  # waits until it is healthy
    assert run("kafka", "status", "--data", folder) == 0


def test_no_topic_comes_into_being_by_being_asked_for(broker: Broker, prefix: str) -> None:
    async def ask() -> set[str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
        await admin.start()
        try:
            await admin.describe_topics([f"{prefix}bids"])
            return set(await admin.list_topics())
        finally:
            await admin.close()

    assert f"{prefix}bids" not in asyncio.run(ask())


def test_records_with_times_of_a_simulation_are_kept(broker: Broker, prefix: str) -> None:
    far_past_ms, far_future_ms = 0, 4_102_444_800_000  # 1970 and 2100

    async def send_and_read() -> list[tuple[int, bytes]]:
        topic = f"{prefix}bids"
        await make_topic(broker.address, topic)
        producer = AIOKafkaProducer(bootstrap_servers=broker.address)
        await producer.start()
        for at_ms in (far_past_ms, far_future_ms):
            await producer.send_and_wait(topic, b"%d" % at_ms, partition=0, timestamp_ms=at_ms)
        await producer.stop()
        return await read_to_end(broker.address, topic, "read_committed")

    assert asyncio.run(send_and_read()) == [(0, b"0"), (1, b"4102444800000")]


@contextmanager
def ended(folder: Path) -> Iterator[Kafka]:
    need_kafka()
    kafka = Kafka(folder)
    try:
        yield kafka
    finally:
        kafka.daemon.kill()


def test_the_commands_start_tell_and_stop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*words: str) -> Any:
        assert run("kafka", *words, "--data", str(tmp_path / "gx"), "--json") == 0
        return json.loads(capsys.readouterr().out)

    with ended(tmp_path / "gx"):
        first = told("start")
        assert first["started"]
        assert first["log"] == f"kafka://{first['address']}"
        assert int(first["address"].removeprefix("127.0.0.1:")) in PORTS
        again = told("start")
        assert not again["started"]
        assert again["pid"] == first["pid"] == told("status")["pid"]
        other = ("--port", str(PORTS.stop), "--data", str(tmp_path / "gx"))
        assert run("kafka", "start", *other) == 3
        assert f"runs already, at {first['address']}" in capsys.readouterr().err
        assert told("stop") == {"running": False, "was": "stopped"}
        assert run("kafka", "status", "--data", str(tmp_path / "gx")) == 3
        capsys.readouterr()
        assert told("start")["address"] == first["address"]


def test_two_starts_at_once_make_one_node(tmp_path: Path) -> None:
    started: list[bool] = []
    with ended(tmp_path / "gx") as kafka:
        starters = [
            threading.Thread(target=lambda: started.append(Kafka(tmp_path / "gx").start()))
            for _ in range(2)
        ]
        for starter in starters:
            starter.start()
        for starter in starters:
            starter.join()
        assert sorted(started) == [False, True]
        assert kafka.is_healthy()


def test_a_controller_port_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    with ended(tmp_path / "gx") as kafka:
        kafka.start()
        address = kafka.address()
        kafka.stop()
        taken = json.loads((tmp_path / "gx" / "kafka.json").read_text())["controller_port"]
        with socket.create_server(("127.0.0.1", taken)):
            assert kafka.start()
            assert kafka.address() == address
