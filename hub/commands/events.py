"""`payvand events`."""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from rich.progress import track

from hub.client import Api
from hub.surroundings import settings
from runtime.errors import Refused, Transient
from runtime.settings import Settings
from schemas.envelope import Envelope, EnvelopeError
from schemas.topics import BY_NAME

_BATCH = 100
_KIND = "application/cloudevents-batch+json"


def read_events(text: str) -> list[dict[str, Any]]:
    """CloudEvents from one JSON object, a JSON array, or JSON lines. Raises Refused, naming the line."""
    try:
        whole = json.loads(text)
    except ValueError:
        whole = list(_lines(text))
    events = whole if isinstance(whole, list) else [whole]
    if not events or not all(isinstance(event, dict) for event in events):
        raise Refused("no CloudEvents found", field="file", hint="give a JSON object, an array, or one object per line")
    return events


def _lines(text: str) -> Iterator[Any]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise Refused(f"line {number} is not JSON: {error}", field="file", hint="one JSON object per line") from error


def publish(folder: Path, file: Path, *, as_json: bool) -> None:
    """Send CloudEvents to /v1/events in batches; repeating it changes nothing."""
    if str(file) == "-":
        text = sys.stdin.read()
    else:
        try:
            text = file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"{file} cannot be read: {error}", field="file", hint="give a UTF-8 file, or - for stdin") from error
    events = read_events(text)
    api = Api(folder)
    ids: list[str] = []
    batches = [events[start : start + _BATCH] for start in range(0, len(events), _BATCH)]
    for batch in track(batches, "Publishing", disable=len(batches) < 5 or not sys.stderr.isatty()):
        ids += api.call("POST", "/v1/events", content=json.dumps(batch).encode(), kind=_KIND)["ids"]
    typer.echo(json.dumps({"ids": ids}) if as_json else "\n".join(ids))


def tail(folder: Path, names: Sequence[str], *, beginning: bool, as_json: bool) -> None:
    """Print events as they come, until Ctrl-C. The payload stands only in the JSON form."""
    if unknown := [name for name in names if name not in BY_NAME]:
        raise Refused(f"there is no topic {unknown[0]!r}", field="topic", hint=f"the topics are {', '.join(BY_NAME)}")
    try:
        asyncio.run(_follow(settings(folder), names or tuple(BY_NAME), beginning=beginning, as_json=as_json))
    except KafkaError as error:
        raise Transient(f"the log does not answer ({type(error).__name__})", hint="see `payvand status`") from error
    except KeyboardInterrupt:
        return


async def _follow(where: Settings, names: Sequence[str], *, beginning: bool, as_json: bool) -> None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=where.kafka_bootstrap_servers, enable_auto_commit=False, fetch_max_wait_ms=100
    )
    await consumer.start()
    try:
        known = {name: consumer.partitions_for_topic(name) or set() for name in await consumer.topics() if name in names}
        consumer.assign([TopicPartition(name, part) for name, parts in known.items() for part in sorted(parts)])
        await (consumer.seek_to_beginning() if beginning else consumer.seek_to_end())
        async for record in consumer:
            print(_line(record, as_json=as_json), flush=True)  # noqa: T201
    finally:
        await consumer.stop()


def _line(record: Any, *, as_json: bool) -> str:
    try:
        envelope = Envelope.from_headers(record.headers)
    except EnvelopeError as error:
        where = f"{record.topic}/{record.partition}@{record.offset}"
        return json.dumps({"at": where, "unreadable": str(error)}) if as_json else f"{where} unreadable: {error}"
    if not as_json:
        return f"{envelope.time:%H:%M:%S.%f} {record.topic:<24} {envelope.type} {envelope.id}"
    try:
        data: Any = json.loads(record.value) if record.value is not None else None
    except ValueError:
        data = None
    shown = {"topic": record.topic, "partition": record.partition, "offset": record.offset, "id": envelope.id}
    shown |= {"source": envelope.source, "type": envelope.type, "time": envelope.time.isoformat(), "data": data}
    return json.dumps(shown, ensure_ascii=False)
