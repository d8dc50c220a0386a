"""One description of the public HTTP API, from those of the services."""

import json
from collections.abc import Mapping
from typing import Any

PUBLIC = ("/v1/", "/channels/", "/chat")
_REFERENCE = "#/components/schemas/"
_METHODS = ("get", "put", "post", "delete", "patch", "head", "options")


def merged(pages: Mapping[str, Mapping[str, Any]], url: str) -> dict[str, Any]:
    """An OpenAPI 3.1 document with the public paths of all services.

    A schema name that two services use for different things gets the service's name before it in the later one.
    """
    paths: dict[str, Any] = {}
    components: dict[str, dict[str, Any]] = {}
    for service, told in sorted(pages.items()):
        page = _with_names(told, _clashes(service, told, components))
        for path, operations in page.get("paths", {}).items():
            if path.startswith(PUBLIC):
                paths.setdefault(path, {}).update(_own(service, operations))
        for kind, members in page.get("components", {}).items():
            components.setdefault(kind, {}).update(members)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Payvand",
            "version": next((str(page["info"]["version"]) for page in pages.values() if "info" in page), "0"),
            "description": "Bearer API keys with scopes; errors are RFC 9457 problem details; times are UTC ISO 8601.",
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
