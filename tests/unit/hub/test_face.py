"""What the hub itself answers with."""

from prometheus_client.parser import text_string_to_metric_families

from hub.description import merged
from hub.face import merged_metrics

ROUTER = """\
# HELP payvand_events_applied_total Events applied.
# TYPE payvand_events_applied_total counter
payvand_events_applied_total{stage="router",type="a b"} 3.0
# HELP payvand_up Up.
# TYPE payvand_up gauge
payvand_up 1.0
# HELP payvand_batch_seconds Seconds.
# TYPE payvand_batch_seconds histogram
payvand_batch_seconds_bucket{le="+Inf"} 4.0
payvand_batch_seconds_count 4.0
payvand_batch_seconds_sum 0.5
"""
DESK = """\
# HELP payvand_up Up.
# TYPE payvand_up gauge
payvand_up 0.0
"""


def test_merged_metrics_are_one_valid_page_and_name_their_service() -> None:
    families = {
        family.name: family for family in text_string_to_metric_families(merged_metrics({"router": ROUTER, "desk": DESK}))
    }
    assert {(one.labels["service"], one.value) for one in families["payvand_up"].samples} == {("router", 1.0), ("desk", 0.0)}
    applied = families["payvand_events_applied"].samples[0]
    assert applied.labels == {"service": "router", "stage": "router", "type": "a b"}
    assert applied.value == 3.0
    assert families["payvand_batch_seconds"].type == "histogram"
    assert len(families["payvand_batch_seconds"].samples) == 3


def test_a_sample_that_names_its_service_already_keeps_its_name_and_the_page_stays_valid() -> None:
    page = '# HELP payvand_outbox Waiting.\n# TYPE payvand_outbox gauge\npayvand_outbox{service="router"} 2.0\n'
    [family] = text_string_to_metric_families(merged_metrics({"router": page}))
    assert family.samples[0].labels == {"service": "router"}


def test_each_family_is_declared_once() -> None:
    page = merged_metrics({"router": ROUTER, "desk": DESK})
    assert page.count("# TYPE payvand_up gauge") == 1


def _page(path: str, field: str) -> dict[str, object]:
    answer = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}}
    return {
        "info": {"version": "1.2"},
        "paths": {path: {"get": {"operationId": "show", "responses": {"200": answer}}}, "/api/private": {"get": {}}},
        "components": {"schemas": {"Item": {"type": "object", "properties": {field: {"type": "string"}}}}},
    }


def test_the_description_has_the_public_paths_of_all_services_only() -> None:
    whole = merged({"desk": _page("/v1/a", "x"), "router": _page("/v1/b", "x")}, "http://localhost")
    assert list(whole["paths"]) == ["/v1/a", "/v1/b"]
    assert list(whole["components"]["schemas"]) == ["Item", "Problem"]
    assert whole["info"]["version"] == "1.2"


def test_two_schemas_of_one_name_are_kept_apart() -> None:
    whole = merged({"desk": _page("/v1/a", "x"), "router": _page("/v1/b", "y")}, "http://localhost")
    used = {
        path: told["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for path, told in whole["paths"].items()
    }
    schemas = whole["components"]["schemas"]
    assert list(schemas[used["/v1/a"]]["properties"]) == ["x"]
    assert list(schemas[used["/v1/b"]]["properties"]) == ["y"]


def test_operations_of_two_services_have_ids_of_their_own() -> None:
    whole = merged({"desk": _page("/v1/a", "x"), "router": _page("/v1/b", "x")}, "http://localhost")
    assert {told["get"]["operationId"] for told in whole["paths"].values()} == {"desk_show", "router_show"}
