"""One description of the public HTTP API, from those of the services."""

import json
from collections.abc import Mapping
from typing import Any

PUBLIC = ("/v1/", "/channels/", "/chat")
PROBLEM = "application/problem+json"
_REFERENCE = "#/components/schemas/"
_AFTER = {"description": "Seconds to wait before the same request again", "schema": {"type": "integer"}}
_ERRORS: Mapping[str, str] = {
    "401": "No API key, or one that is not known",
    "403": "The key lacks the scope",
    "404": "There is no such thing",
    "413": "Over the size that one request may have",
    "422": "The request is at fault: `field` and `hint` say where and what would be right",
    "429": "Over the rate; the same again after `Retry-After` is safe",
    "503": "Something passing; the same again after `Retry-After` is safe",
}
_PROBLEM: Mapping[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457; `type` is stable, `field` and `hint` say what is at fault and what would be right.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "field": {"type": ["string", "null"]},
        "hint": {"type": ["string", "null"]},
    },
}
_METHODS = ("get", "put", "post", "delete", "patch", "head", "options")


def merged(pages: Mapping[str, Mapping[str, Any]], url: str) -> dict[str, Any]:
    """An OpenAPI 3.1 document with the public paths of all services, and with the errors that every one of them may answer.

    A schema name that two services use for different things gets the service's name before it in the later one.
    """
    paths: dict[str, Any] = {}
    components: dict[str, dict[str, Any]] = {}
    for service, told in sorted(pages.items()):
        page = _with_names(told, _clashes(service, told, components))
        for path, operations in page.get("paths", {}).items():
            if path.startswith(PUBLIC):
                paths.setdefault(path, {}).update(_with_errors(path, _own(service, operations)))
        for kind, members in page.get("components", {}).items():
            components.setdefault(kind, {}).update(members)
    schemas = components.setdefault("schemas", {})
    schemas.setdefault("Problem", _PROBLEM)
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, which no service answers
        schemas.pop(name, None)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Payvand",
            "version": next((str(page["info"]["version"]) for page in pages.values() if "info" in page), "0"),
            "description": "Bearer API keys with scopes; errors are RFC 9457 problem details; times are UTC ISO 8601. "
            "What writes may be repeated: an event by its (source, id), the rest by its Idempotency-Key.",
        },
        "servers": [{"url": url}],
        "paths": dict(sorted(paths.items())),
        "components": components,
    }


def _own(service: str, operations: Mapping[str, Any]) -> dict[str, Any]:
    """The operations of a path, each with an id that no other service uses."""
    return {
        method: told | {"operationId": f"{service}_{told['operationId']}"}
        if method in _METHODS and "operationId" in told
        else told
        for method, told in operations.items()
    }


def _with_errors(path: str, operations: Mapping[str, Any]) -> dict[str, Any]:
    return {
        method: told | {"responses": _answers(path, told)} if method in _METHODS else told
        for method, told in operations.items()
    }


def _answers(path: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    """The answers of an operation; all that are errors are problem details."""
    told: Mapping[str, Any] = operation.get("responses", {})
    errors = {status for status in told if status >= "400"} | {"422", "503"}
    if operation.get("security"):
        errors |= {"401", "403", "429"} | ({"404"} if "{" in path else set())
    if "requestBody" in operation:
        errors.add("413")
    answers = {status: answer for status, answer in told.items() if status not in errors}
    return answers | {status: _error(status, told.get(status, {})) for status in sorted(errors)}


def _error(status: str, told: Mapping[str, Any]) -> dict[str, Any]:
    own = str(told.get("description", ""))
    plain = not own or own == own.title()  # FastAPI's names of the statuses
    content = {PROBLEM: {"schema": {"$ref": f"{_REFERENCE}Problem"}}}
    answer: dict[str, Any] = {"description": _ERRORS.get(status, "Refused") if plain else own, "content": content}
    return answer | ({"headers": {"Retry-After": _AFTER}} if status in ("429", "503") else {})


def _clashes(service: str, page: Mapping[str, Any], components: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    known = components.get("schemas", {})
    mine = page.get("components", {}).get("schemas", {})
    return {name: f"{service.capitalize()}{name}" for name, schema in mine.items() if name in known and known[name] != schema}


def _with_names(page: Mapping[str, Any], renamed: Mapping[str, str]) -> Mapping[str, Any]:
    if not renamed:
        return page
    text = json.dumps(page)
    for old, new in renamed.items():
        text = text.replace(f'"{_REFERENCE}{old}"', f'"{_REFERENCE}{new}"')
    copy: dict[str, Any] = json.loads(text)
    schemas = copy["components"]["schemas"]
    for old, new in renamed.items():
        schemas[new] = schemas.pop(old)
    return copy
