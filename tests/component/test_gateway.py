"""The containers' gateway, run by the real HAProxy: each path reaches its service, and the same one as in the embedded run."""

import asyncio
import contextlib
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from hub.parts.gateway import Public, binary, configuration
from tests.local_parts import free_port

CONFIG = Path(__file__).parents[2] / "deploy" / "gateway" / "haproxy.cfg"
SERVICES = ("ingest", "profile", "router", "notifier", "desk")
ID = "0198c0de-0000-7000-8000-000000000001"

ROUTES = [
    ("POST", "/v1/events", "ingest"),
    ("POST", "/v1/interactions", "ingest"),
    ("GET", f"/v1/interactions/{ID}", "desk"),
    ("POST", "/channels/support", "ingest"),
    ("POST", "/channels/support/status", "ingest"),
    ("GET", "/chat/widget.js", "ingest"),
    ("GET", "/v1/contacts/lookup?type=email&value=a@b.example", "profile"),
    ("GET", f"/v1/contacts/{ID}/timeline", "profile"),
    ("POST", f"/v1/contacts/{ID}/merge", "profile"),
    ("DELETE", f"/v1/contacts/{ID}", "profile"),
    ("GET", "/v1/contactsheet", "desk"),
    ("GET", "/v1/queues", "router"),
    ("GET", "/v1/agents", "router"),
    ("PUT", "/v1/agents/mina/presence", "router"),
    ("GET", f"/v1/conversations/{ID}/explain", "router"),
    ("GET", "/v1/policies", "router"),
    ("PUT", "/v1/policies/support-7", "router"),
    ("POST", "/v1/replay", "router"),
    ("GET", f"/v1/conversations/{ID}", "desk"),
    ("POST", f"/v1/conversations/{ID}/replies", "desk"),
    ("GET", "/v1/stream?after=0", "notifier"),
    ("POST", "/v1/webhooks", "notifier"),
    ("GET", f"/v1/webhooks/{ID}/deliveries", "notifier"),
    ("GET", "/files/ticket.signature/a.png", "ingest"),
    ("GET", "/", "desk"),
    ("POST", "/api/session", "desk"),
    ("GET", "/assets/index.js", "desk"),
]


@contextlib.asynccontextmanager
async def stand_ins(names: tuple[str, ...]) -> AsyncIterator[dict[str, int]]:
    """One tiny HTTP server per name: ready, and answering with its name and the forwarded headers it got."""
    servers: dict[str, asyncio.Server] = {}
    for name in names:

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str = name) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                seen = ";".join(re.findall(r"(?im)^x-forwarded-for: (.*?)\r$", head))
                writer.write(f"HTTP/1.1 200 OK\r\nConnection: close\r\nX-Seen: {seen}\r\n\r\n{name}".encode())
                await writer.drain()
            writer.close()

        servers[name] = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield {name: int(server.sockets[0].getsockname()[1]) for name, server in servers.items()}
    finally:
        for server in servers.values():
            server.close()


@contextlib.asynccontextmanager
async def haproxy(text: str, folder: Path, port: int) -> AsyncIterator[httpx.AsyncClient]:
    file = folder / f"haproxy-{port}.cfg"
    file.write_text(text)
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(binary(), "-db", "-f", str(file), stdout=quiet, stderr=quiet)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            await until_it_listens(client, process)
            yield client
    finally:
        process.kill()
        await process.wait()


async def until_it_listens(client: httpx.AsyncClient, process: asyncio.subprocess.Process) -> None:
    for _ in range(100):
        if process.returncode is not None:
            pytest.fail(f"HAProxy ended with code {process.returncode}")
        with contextlib.suppress(httpx.TransportError):
            await client.get("/health/live")
            return
        await asyncio.sleep(0.1)
    pytest.fail("HAProxy does not listen")


def local(ports: dict[str, int], port: int) -> str:
    """The shipped file with host names mapped to local ports, and one server each: without Docker there is no name service."""
    text = CONFIG.read_text().replace("bind :8080", f"bind 127.0.0.1:{port}").replace("inter 2s", "inter 200ms")
    text = text.replace("resolvers docker init-addr last,libc,none", "")
    return re.sub(r"server-template (\w+) \d+ \w+:8081", lambda found: f"server {found[1]} 127.0.0.1:{ports[found[1]]}", text)


async def until_ready(client: httpx.AsyncClient) -> None:
    for _ in range(100):
        if (await client.get("/health/ready")).status_code == 200:
            return
        await asyncio.sleep(0.1)
    pytest.fail("the gateway does not see its services")


def test_the_shipped_file_is_valid_as_it_is(tmp_path: Path) -> None:
    checked = subprocess.run([binary(), "-c", "-f", str(CONFIG)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr


async def test_each_path_reaches_its_service_and_the_same_as_embedded(tmp_path: Path) -> None:
    async with stand_ins((*SERVICES, "hub")) as ports:
        port, embedded_port = free_port(), free_port()
        embedded = configuration(Public("127.0.0.1", embedded_port), {name: [port] for name, port in ports.items()})
        async with (
            haproxy(local(ports, port), tmp_path, port) as client,
            haproxy(embedded, tmp_path, embedded_port) as embedded_client,
        ):
            await until_ready(client)
            expected = {(method, path): service for method, path, service in ROUTES}
            assert {route: (await client.request(*route)).text for route in expected} == expected
            assert {route: (await embedded_client.request(*route)).text for route in expected} == expected


async def test_what_a_client_claims_to_be_is_replaced_by_what_it_is(tmp_path: Path) -> None:
    async with stand_ins(SERVICES) as ports:
        port = free_port()
        async with haproxy(local(ports, port), tmp_path, port) as client:
            await until_ready(client)
            answer = await client.get("/", headers={"X-Forwarded-For": "10.9.8.7"})
            assert answer.headers["x-seen"] == "127.0.0.1"
            assert (await client.get("/metrics")).status_code == 404


@pytest.mark.parametrize("absent", SERVICES)
async def test_it_is_not_ready_while_one_service_is_missing(absent: str, tmp_path: Path) -> None:
    async with stand_ins(tuple(name for name in SERVICES if name != absent)) as ports:
        port = free_port()
        async with haproxy(local({**ports, absent: free_port()}, port), tmp_path, port) as client:
            await asyncio.sleep(1.5)
            assert (await client.get("/health/ready")).status_code == 503
            assert (await client.get("/health/live")).status_code == 200
            path = {"ingest": "/chat/widget.js", "profile": "/v1/contacts", "router": "/v1/queues"}.get(absent, "/")
            answer = await client.get(path)
            if absent != "notifier":
                assert answer.status_code == 503
                assert answer.headers["content-type"] == "application/problem+json"


async def test_another_process_of_a_service_answers_while_the_first_does_not(tmp_path: Path) -> None:
    async with stand_ins((*SERVICES, "hub")) as ports:
        for first, spare in ((free_port(), ports["router"]), (ports["router"], free_port())):
            port = free_port()
            backends = {name: [known] for name, known in ports.items()} | {"router": [first, spare]}
            async with haproxy(configuration(Public("127.0.0.1", port), backends), tmp_path, port) as client:
                async with asyncio.timeout(60):
                    while (await client.get("/v1/queues")).text != "router":  # noqa: ASYNC110 - the gateway looks once a second
                        await asyncio.sleep(0.1)
