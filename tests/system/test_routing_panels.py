"""What supervisors see of routing, in a real browser on the whole hub: a policy checked, compared and tried out on history."""

import re
from uuid import uuid4

import pytest
from playwright.async_api import Browser, Page, expect

from hub.demo import PASSWORD
from services.desk.adapters.seeding.organisation import ORGANISATION
from tests.hub_process import RunningHub
from tests.system.test_desk_panels import happens, integrator
from tests.system.test_main_job import SOON

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("hub")]

BAD_RULE = """\
  - name: klingons
    when: {language: tlh}
    queue: support
    steps: [{all: {klingon: 4}, for: 60s}, {}]
"""


async def opened(chromium: Browser, demo: RunningHub, login: str, place: str = "") -> Page:
    """Somebody's desk, at this place. They stay offline: no work is offered to them."""
    context = await chromium.new_context(viewport={"width": 1400, "height": 860}, locale="en-GB")
    page = await context.new_page()
    await page.goto(f"{demo.url}/{place}")
    await page.get_by_test_id("login-name").fill(login)
    await page.get_by_test_id("login-password").fill(PASSWORD)
    await page.get_by_test_id("login-submit").click()
    await expect(page.get_by_test_id("presence-switch")).to_be_visible(timeout=SOON)
    return page


async def test_a_supervisor_checks_compares_and_tries_out_a_policy(demo: RunningHub, chromium: Browser) -> None:
    async with integrator(demo, "events:write") as api:
        await happens(api, f"Something to replay {uuid4().hex[:6]}")
    page = await opened(chromium, demo, "admin")
    await page.get_by_test_id("panel-policy").click()
    await expect(page.get_by_test_id("policy-in-force")).to_contain_text(ORGANISATION.version)
    editor = page.get_by_test_id("policy-text")
    await expect(editor).to_have_value(ORGANISATION.policy)
    await expect(page.get_by_test_id("policy-apply")).to_be_disabled()

    await editor.fill(ORGANISATION.policy.replace("rules:\n", f"rules:\n{BAD_RULE}"))
    found = page.get_by_test_id("finding").filter(has_text="klingon")
    await expect(found).to_contain_text(re.compile("No agent has .?klingon>=4"), timeout=SOON)
    await expect(found).to_contain_text("Nobody has this skill")
    await expect(page.get_by_test_id("diff-summary")).to_contain_text("4 lines added, 0 removed")
    await expect(page.get_by_test_id("diff")).to_contain_text("- name: klingons")

    await page.get_by_test_id("policy-try").click()
    await page.get_by_test_id("replay-run").click()
    report = page.get_by_test_id("replay-report")
    await expect(report).to_contain_text("the text being edited", timeout=SOON)
    await expect(report).to_contain_text("are counterfactual")
    await page.get_by_test_id("report-whole").click()
    await expect(page.get_by_role("row", name="Arrived")).to_be_visible()

    await page.get_by_test_id("panel-policy").click()
    await page.get_by_test_id("policy-discard").click()
    await expect(editor).to_have_value(ORGANISATION.policy)
    await page.context.close()


async def test_an_agent_has_no_such_panel_and_is_refused_by_the_api(demo: RunningHub, chromium: Browser) -> None:
    page = await opened(chromium, demo, "emma", "#/policy")
    await expect(page.get_by_test_id("view-mine")).to_be_visible()
    for name in ("panel-policy", "panel-replay", "policy-panel"):
        await expect(page.get_by_test_id(name)).to_have_count(0)
    address = f"{demo.url}/api/routing"
    assert (await page.request.get(f"{address}/policies/current")).status == 403
    wish = {"text": ORGANISATION.policy}
    sent = await page.request.put(f"{address}/policies/{ORGANISATION.version}", data=wish, headers={"X-Payvand": "1"})
    assert sent.status == 403
    await page.context.close()
