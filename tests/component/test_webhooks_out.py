"""Webhooks to integrators: real services, a real receiver on loopback, signatures checked by the client's own code."""

import asyncio
import json
from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest
from payvand_client import verify_webhook

from runtime.errors import Refused
from runtime.keys import new_id
from runtime.settings import Settings
from schemas.replies import DeliveryUpdated
from services.notifier.adapters.webhook_post import Parcel, Post
from services.notifier.domain.webhooks import Reach, secret_text
from tests.component.test_stream import begin, delivery, on_log, put, received, writing
from tests.component.webhook_parts import Hub, Receiver, Serve, hub, new_key, receiver

__all__ = ("hub", "receiver")
ROUTES = [
    ("POST", ""), ("GET", ""), ("GET", "/{id}"), ("PATCH", "/{id}"), ("DELETE", "/{id}"), ("POST", "/{id}/rotate"),
    ("POST", "/{id}/replay"), ("POST", "/{id}/test"), ("GET", "/{id}/deliveries"), ("POST", "/{id}/deliveries/{id}/retry"),
]  # fmt: skip


async def test_events_are_delivered_signed_and_in_order(hub: Hub, receiver: Receiver, settings: Settings) -> None:
    webhook = await hub.subscribe(receiver, types=["payvand.interaction.*"], description="CRM")
    assert webhook["secret"].startswith("whsec_")
    async with writing(settings) as write:
        await write(*[received(str(number)) for number in range(4)], delivery(1), received("4"))
        await receiver.until(5)
    assert receiver.texts == ["0", "1", "2", "3", "4"]
    for headers, body in receiver.requests:
        event = verify_webhook(headers, body, webhook["secret"])
        assert event["type"] == "payvand.interaction.received.v1"
        assert headers["Content-Type"].startswith("application/cloudevents+json")
    found = await hub.until(webhook, ["delivered"] * 5)
    assert [one["event_id"] for one in found] == [headers["webhook-id"] for headers, _ in receiver.requests]
    shown = await hub.call("GET", f"/{webhook['id']}")
    assert (shown["description"], shown["failures"], shown["enabled"]) == ("CRM", 0, True)
    assert shown["delivered_at"]
    assert "secret" not in shown
    async with hub.kit.reading() as unit:
        [row] = await unit.rows("SELECT secret FROM notifier.webhooks")
    assert row.secret.startswith("enc:v1:")


async def test_an_endpoint_that_fails_for_a_while_gets_everything_in_order_under_the_same_ids(
    hub: Hub, receiver: Receiver
) -> None:
    webhook = await hub.subscribe(receiver)
    await take_over(hub)
    receiver.answers = [503, 502, 200]
    await hub.put("first", "second", "third")
    await hub.until(webhook, ["delivered"] * 3)
    assert receiver.texts == ["first", "first", "first", "second", "third"]
    assert len({headers["webhook-id"] for headers, _ in receiver.requests[:3]}) == 1
    assert [one["attempts"] for one in await hub.deliveries(webhook)] == [3, 1, 1]


async def take_over(hub: Hub) -> None:
    """Be the feed from here on, so that the test writes the stream itself."""
    await begin(hub.kit)


async def test_a_refused_event_lets_others_pass_ends_as_a_dead_letter_and_can_be_retried(hub: Hub, receiver: Receiver) -> None:
    webhook = await hub.subscribe(receiver)
    await take_over(hub)
    receiver.refuses = "poison"
    await hub.put("poison", "good")
    [dead, _] = await hub.until(webhook, ["dead", "delivered"])
    assert receiver.texts == ["poison", "good", "poison", "poison"]
    assert (dead["attempts"], dead["status"], dead["trouble"]) == (3, 400, "answered 400")
    [listed] = await hub.deliveries(webhook, state="dead")
    receiver.refuses = ""
    await hub.call("POST", f"/{webhook['id']}/deliveries/{listed['id']}/retry", expect=202)
    await hub.until(webhook, ["delivered", "delivered"])
    await hub.call("POST", f"/{webhook['id']}/deliveries/{listed['id']}/retry", expect=409)
    await hub.call("POST", f"/{webhook['id']}/deliveries/{new_id()}/retry", expect=404)


async def test_replay_brings_again_what_comes_after_a_cursor(hub: Hub, receiver: Receiver) -> None:
    webhook = await hub.subscribe(receiver)
    await take_over(hub)
    await hub.put("0", "1", "2")
    found = await hub.until(webhook, ["delivered"] * 3)
    await hub.call("POST", f"/{webhook['id']}/replay", expect=202, json={"after": found[0]["cursor"]})
    await hub.until(webhook, ["delivered"] * 5)
    assert receiver.texts == ["0", "1", "2", "1", "2"]
    ids = [headers["webhook-id"] for headers, _ in receiver.requests]
    assert ids[1:3] == ids[3:5]
    problem = await hub.call("POST", f"/{webhook['id']}/replay", expect=422, json={"after": "99999"})
    assert problem["field"] == "after"
    async with hub.kit.transaction() as unit:
        await unit.run("UPDATE notifier.stream_state SET kept_from = 3")
    await hub.call("POST", f"/{webhook['id']}/replay", expect=410, json={"after": "2"})


async def test_for_a_day_after_a_rotation_both_secrets_hold(hub: Hub, receiver: Receiver) -> None:
    webhook = await hub.subscribe(receiver)
    await take_over(hub)
    rotated = await hub.call("POST", f"/{webhook['id']}/rotate")
    assert rotated["secret"] != webhook["secret"]
    await hub.put("during")
    await hub.until(webhook, ["delivered"])
    for secret in (webhook["secret"], rotated["secret"]):
        verify_webhook(*receiver.requests[0], secret)
    async with hub.kit.transaction() as unit:
        await unit.run("UPDATE notifier.webhooks SET old_secret_until = now() - interval '1 second'")
    await hub.put("after")
    await hub.until(webhook, ["delivered"] * 2)
    assert " " not in receiver.requests[1][0]["webhook-signature"]
    verify_webhook(*receiver.requests[1], rotated["secret"])


async def test_410_disables_and_enabling_goes_on_where_it_stopped(hub: Hub, receiver: Receiver) -> None:
    webhook = await hub.subscribe(receiver)
    await take_over(hub)
    receiver.answers = [410]
    await hub.put("gone", "later")
    await hub.until(webhook, ["waiting"])
    shown = await hub.call("GET", f"/{webhook['id']}")
    assert (shown["enabled"], shown["disabled_because"]) == (False, "the endpoint answered 410 Gone")
    await asyncio.sleep(0.3)
    assert receiver.texts == ["gone"]
    assert (await hub.call("PATCH", f"/{webhook['id']}", json={"enabled": True}))["disabled_because"] is None
    await hub.until(webhook, ["delivered", "delivered"])
    assert receiver.texts == ["gone", "gone", "later"]


async def test_a_dead_endpoint_does_not_hold_up_another(hub: Hub, receiver: Receiver) -> None:
    dead = await hub.call("POST", expect=201, json={"url": "http://127.0.0.1:9/"})
    alive = await hub.subscribe(receiver)
    await take_over(hub)
    await hub.put("0", "1")
    await hub.until(alive, ["delivered"] * 2)
    [waiting] = await hub.until(dead, ["waiting"])
    assert waiting["trouble"].startswith("no connection")
    assert waiting["status"] is None


async def test_a_redirect_is_not_followed(hub: Hub, receiver: Receiver) -> None:
    webhook = await hub.subscribe(receiver)
    receiver.answers = [302]
    tried = await hub.call("POST", f"/{webhook['id']}/test")
    assert tried == {"delivered": False, "status": 302, "trouble": "answered 302"}
    assert len(receiver.requests) == 1


async def test_a_trial_comes_signed_and_leaves_no_trace(hub: Hub, receiver: Receiver) -> None:
    webhook = await hub.subscribe(receiver)
    assert (await hub.call("POST", f"/{webhook['id']}/test"))["delivered"]
    event = verify_webhook(*receiver.requests[0], webhook["secret"])
    assert (event["type"], event["data"]) == ("payvand.webhook.test.v1", {"webhook_id": webhook["id"]})
    assert await hub.deliveries(webhook) == []


async def test_a_subscription_leased_by_another_courier_waits_until_the_lease_is_over(hub: Hub, receiver: Receiver) -> None:
    webhook = await hub.subscribe(receiver)
    await take_over(hub)
    async with hub.kit.transaction() as unit:
        await unit.run(
            "UPDATE notifier.webhooks SET lease_by = :other, lease_until = now() + interval '1 hour'", other=UUID(int=5)
        )
    await hub.put("0", "1")
    await asyncio.sleep(0.5)
    assert receiver.texts == []
    async with hub.kit.transaction() as unit:
        await unit.run("UPDATE notifier.webhooks SET lease_until = now() - interval '1 second'")
    await hub.until(webhook, ["delivered"] * 2)
    assert receiver.texts == ["0", "1"]


async def test_a_change_while_an_event_is_under_way_takes_effect_and_repeats_rather_than_loses(
    hub: Hub, receiver: Receiver
) -> None:
    webhook = await hub.subscribe(receiver)
    await take_over(hub)
    receiver.gate.clear()
    await hub.put("under way", "next")
    await receiver.until(1)
    await hub.call("PATCH", f"/{webhook['id']}", json={"types": [DeliveryUpdated.type]})
    receiver.gate.set()
    await put(hub.kit, on_log(delivery(1), 9))
    await hub.until(webhook, ["delivered"])
    assert [json.loads(body)["type"] for _, body in receiver.requests[1:]] == [DeliveryUpdated.type]


async def test_events_that_are_kept_no_longer_are_told_of_not_hidden(hub: Hub, receiver: Receiver) -> None:
    webhook = await hub.subscribe(receiver)
    await take_over(hub)
    await hub.call("PATCH", f"/{webhook['id']}", json={"enabled": False})
    await hub.put("dropped", "kept")
    async with hub.kit.transaction() as unit:
        await unit.run("""
            WITH gone AS (DELETE FROM notifier.stream WHERE id = (SELECT min(id) FROM notifier.stream) RETURNING id)
            UPDATE notifier.stream_state SET kept_from = (SELECT id FROM gone)""")
    await hub.call("PATCH", f"/{webhook['id']}", json={"enabled": True})
    await hub.until(webhook, ["delivered"])
    assert receiver.texts == ["kept"]
    assert (await hub.call("GET", f"/{webhook['id']}"))["missed_at"]


async def test_a_deleted_subscription_is_gone_with_its_deliveries(hub: Hub, receiver: Receiver) -> None:
    webhook = await hub.subscribe(receiver)
    assert [one["id"] for one in (await hub.call("GET"))["items"]] == [webhook["id"]]
    await hub.call("DELETE", f"/{webhook['id']}", expect=204)
    await hub.call("GET", f"/{webhook['id']}", expect=404)
    await hub.call("GET", f"/{webhook['id']}/deliveries", expect=404)
    await hub.call("DELETE", f"/{webhook['id']}", expect=404)
    assert (await hub.call("GET"))["items"] == []


async def test_contact_data_needs_the_right_and_is_left_out_otherwise(hub: Hub, receiver: Receiver, settings: Settings) -> None:
    key = await new_key(settings, "webhooks:write")
    headers = {"Authorization": f"Bearer {key}"}
    await hub.call("POST", expect=403, json={"url": receiver.url, "contact_data": True}, headers=headers)
    await hub.call("POST", expect=201, json={"url": receiver.url}, headers=headers)
    await take_over(hub)
    await hub.put("my secret")
    await receiver.until(1)
    assert b"my secret" not in receiver.requests[0][1]
    assert b"sara@" not in receiver.requests[0][1]


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://localhost/", "https://2130706433/", "https://0x7f.1/", "https://[::1]/", "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data", "https://[::ffff:10.0.0.1]/", "http://93.184.216.34/", "ftp://x/", "https:///x",
        "https://user@93.184.216.34/", "https://93.184.216.34:22/", "https://93.184.216.34/#x", "not a url", "https://a b/",
    ],
)  # fmt: skip
async def test_an_url_that_leads_inside_is_refused(url: str) -> None:
    with pytest.raises(Refused) as refused:
        await Post(Reach(), 5).examine(url)
    assert refused.value.field == "url"


async def test_the_guard_stands_at_the_connection_not_only_at_the_name(receiver: Receiver) -> None:
    """A name that resolves elsewhere later, or an address written as a name, ends where the socket would be made."""
    post = Post(Reach(ports=(receiver.port,)), 5)
    try:
        for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"):
            for scheme in ("https", "http"):
                parcel = Parcel(f"{scheme}://{host}:{receiver.port}/hook", "1", b"{}", [secret_text(b"x" * 32)])
                assert (await post.send(parcel, datetime.now(UTC))).trouble == "this address may not be called"
    finally:
        await post.close()
    assert receiver.requests == []


async def test_every_route_asks_for_its_scope(hub: Hub, settings: Settings, receiver: Receiver) -> None:
    reader = {"Authorization": f"Bearer {await new_key(settings, 'webhooks:read')}"}
    writer = {"Authorization": f"Bearer {await new_key(settings, 'webhooks:write')}"}
    stranger = {"Authorization": f"Bearer {await new_key(settings, 'stream:read', 'contacts:read', 'events:write')}"}
    for method, path in ROUTES:
        where = path.replace("{id}", str(new_id()))
        body = {"json": {"url": receiver.url, "after": "0"}} if method in {"POST", "PATCH"} else {}
        wrong = writer if method == "GET" else reader
        await hub.call(method, where, expect=403, headers=stranger, **body)
        await hub.call(method, where, expect=403, headers=wrong, **body)
        await hub.call(method, where, expect=401, headers={"Authorization": "Bearer pv_no"}, **body)
    assert (await hub.call("GET", headers=reader))["items"] == []


async def test_what_cannot_be_subscribed_is_refused(hub: Hub, receiver: Receiver) -> None:
    problem = await hub.call("POST", expect=422, json={"url": receiver.url, "types": ["payvand.reply.requested.v1"]})
    assert problem["field"] == "types"
    assert (await hub.call("POST", expect=422, json={"url": "https://10.0.0.1/"}))["field"] == "url"
    assert (await hub.call("GET"))["items"] == []


async def test_a_stream_that_is_switched_off_takes_no_subscription(
    serve: Serve, settings: Settings, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    monkeypatch.setenv("PAYVAND_STREAM", "off")
    monkeypatch.setenv("PAYVAND_WEBHOOK_NETWORKS", '["127.0.0.0/8"]')
    key = await new_key(settings, "webhooks:write", "webhooks:read", "stream:read")
    async with httpx.AsyncClient(base_url=await serve("notifier"), headers={"Authorization": f"Bearer {key}"}) as http:
        assert (await http.post("/v1/webhooks", json={"url": receiver.url})).status_code == 409
        assert (await http.get("/v1/stream")).status_code == 409
        assert (await http.get("/v1/webhooks")).json()["items"] == []
