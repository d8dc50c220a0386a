"""The hub's one description of its API, made of what the services really serve."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from hub.description import PROBLEM, PUBLIC, merged
from runtime import http
from runtime.service import Kit
from runtime.settings import Settings
from schemas.interactions import InteractionReceived

INBOXES = [
    {"name": "web", "channel": "webchat", "settings": {}},
    {"name": "line", "channel": "call", "settings": {"token": "0123456789abcdef"}},
]


@pytest.fixture
def served(tmp_path: Path) -> dict[str, Any]:
    """What each service says of itself; none of them is run."""
    settings = Settings(secret_key="0123456789abcdef0123456789abcdef", data_dir=tmp_path, inboxes=INBOXES)
    pages = {}
    for name in ("ingest", "profile", "router", "notifier", "desk"):
        kit = Kit(settings, name)
        pages[name] = http.build(kit, import_module(f"services.{name}.app").build(kit)).openapi()
    return pages


@pytest.fixture
def page(served: dict[str, Any]) -> dict[str, Any]:
    return merged(served, "http://hub.example")


def operations(page: dict[str, Any]) -> dict[str, Any]:
    return {f"{method} {path}": told for path, methods in page["paths"].items() for method, told in methods.items()}


def test_every_public_route_of_every_service_is_described(served: dict[str, Any], page: dict[str, Any]) -> None:
    public = {path for told in served.values() for path in told["paths"] if path.startswith(PUBLIC)}
    assert set(page["paths"]) == public
    assert public >= {"/v1/events", "/v1/interactions", "/channels/{inbox}", "/channels/{inbox}/{part}", "/v1/contacts/lookup"}


def test_every_route_for_programs_asks_for_a_key(page: dict[str, Any]) -> None:
    open_to_all = [name for name, told in operations(page).items() if " /v1/" in name and not told.get("security")]
    assert not open_to_all


def test_every_error_is_a_problem(page: dict[str, Any]) -> None:
    for name, told in operations(page).items():
        errors = {status: answer for status, answer in told["responses"].items() if status >= "400"}
        assert {"422", "503"} <= set(errors), name
        assert " /v1/" not in name or {"401", "403", "429"} <= set(errors), name
        assert all(list(answer["content"]) == [PROBLEM] and answer["description"] for answer in errors.values()), name
        assert all("Retry-After" in errors[status]["headers"] for status in ("429", "503") if status in errors), name


def test_what_the_description_refers_to_is_in_it(page: dict[str, Any]) -> None:
    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"].rpartition("/")[2]} if "$ref" in value else set()
            return own.union(*(references(inner) for inner in value.values()))
        return set().union(*(references(inner) for inner in value)) if isinstance(value, list) else set()

    assert references(page) <= set(page["components"]["schemas"])


def test_the_examples_would_be_accepted(page: dict[str, Any]) -> None:
    content = page["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    [batch] = content["application/cloudevents-batch+json"]["example"]
    assert batch == content["application/cloudevents+json"]["example"]
    InteractionReceived.model_validate(batch["data"])
    plain = page["paths"]["/v1/interactions"]["post"]
    InteractionReceived.model_validate(plain["requestBody"]["content"]["application/json"]["example"])
    assert "$ref" in plain["requestBody"]["content"]["application/json"]["schema"]
    assert "idempotency-key" in {parameter["name"] for parameter in plain["parameters"]}
