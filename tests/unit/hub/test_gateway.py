"""The gateway's configuration."""

import json
import re

import pytest

from hub.parts.gateway import MAX_BODY, Public, configuration, problem

PORTS = {"ingest": [20001], "profile": [20002], "router": [20003], "desk": [20004], "hub": [20005]}


def test_each_backend_gets_the_port_of_its_service() -> None:
    text = configuration(Public("127.0.0.1", 8080), PORTS)
    found = dict(re.findall(r"backend (\w+)\n    server \w+ 127\.0\.0\.1:(\d+)", text))
    assert found == {name: str(port) for name, [port] in PORTS.items()}


def test_it_listens_only_where_it_was_told_to() -> None:
    text = configuration(Public("127.0.0.1", 8080), PORTS)
    assert re.findall(r"^\s*bind (.*)$", text, re.MULTILINE) == ["127.0.0.1:8080"]


def test_an_ipv6_address_is_put_in_brackets() -> None:
    assert "bind [::1]:8080" in configuration(Public("::1", 8080), PORTS)


def test_what_a_client_says_about_itself_is_dropped_before_what_is_true_is_set() -> None:
    text = configuration(Public("127.0.0.1", 8080), PORTS)
    assert text.index("del-header X-Forwarded-For") < text.index("set-header X-Forwarded-Proto")
    assert "option forwardfor" in text
    assert "del-header Forwarded\n" in text


def test_bodies_over_the_limit_are_refused() -> None:
    assert f"deny_status 413 if {{ req.body_size gt {MAX_BODY} }}" in configuration(Public("127.0.0.1", 8080), PORTS)


@pytest.mark.parametrize("status", [400, 408, 413, 502, 503, 504])
def test_its_own_errors_are_problem_details(status: int) -> None:
    told = json.loads(problem(status))
    assert told["status"] == status
    assert set(told) == {"type", "title", "status", "detail"}
    assert problem(status).replace("'", "") in configuration(Public("127.0.0.1", 8080), PORTS)


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://localhost:8080"), ("10.0.0.5", "http://10.0.0.5:8080")])
def test_the_url_is_one_that_a_person_can_open(host: str, url: str) -> None:
    assert Public(host, 8080).url == url
