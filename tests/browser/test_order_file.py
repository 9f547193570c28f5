"""The page of an order file: what its buttons mean changes as the broker answers."""

from __future__ import annotations

import re
from pathlib import Path
from time import sleep

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import open_desk
from tests.browser.stack import Stack
from tests.browser.test_walk import SOON, OpenPage, upload

pytestmark = [pytest.mark.browser, pytest.mark.long]

# A pointer comes down on the button at the very moment at which it is drawn anew for another reason.
PRESS_AS_IT_CHANGES = """() => {
  const summary = document.querySelector("#file-summary");
  summary.addEventListener("htmx:afterSwap", () => {
    const click = new MouseEvent("click", { detail: 1, bubbles: true, cancelable: true });
    window.clicksAt = performance.now();
    summary.querySelector("button.primary").dispatchEvent(click);
    delete window.clicksAt;
  }, { once: true });
}"""


def test_a_button_that_has_just_come_to_mean_something_else_is_not_pressed_by_mistake(
    portal: Stack, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    upload(page, portal, tmp_path, f"{portal.front_month('MES')} 1\n{portal.front_month('MNQ')} 1\n")
    portal.control("faults", kind="reset_before", route="order/placeorder")
    page.get_by_role("button", name=re.compile("Confirm")).click()
    expect(page.locator("#file-summary")).to_contain_text("will not be sent again", timeout=SOON)
    page.evaluate(PRESS_AS_IT_CHANGES)
    expect(page.locator("#file-summary")).to_contain_text("Resume sends it", timeout=SOON)
    expect(page.locator(".toast")).to_contain_text("This had just changed: nothing was done.")
    expect(page.locator("[data-file-state]")).to_have_text("stopped")
    page.get_by_role("button", name="Resume with 2 lines").click()
    expect(page.locator("[data-file-state]")).to_have_text("finished", timeout=SOON)


# The second click of a double one may be the first that the next page gets.
PRESS_AS_IT_COMES = """addEventListener("DOMContentLoaded", () => {
  const click = new MouseEvent("click", { detail: 2, bubbles: true, cancelable: true });
  window.clicksAt = performance.now();
  document.querySelector("#file-summary button.BUTTON")?.dispatchEvent(click);
  delete window.clicksAt;
})"""


def test_a_double_click_is_not_taken_for_having_read_what_came_up(
    portal: Stack, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    orders = f"{portal.front_month('MES')} 1\n{portal.front_month('MGC')} 1\n"
    upload(page, portal, tmp_path, orders)
    other = page.context.new_page()
    upload(other, portal, tmp_path, orders)
    other.get_by_role("button", name=re.compile("Confirm")).click()
    expect(other.locator("[data-file-state]")).to_have_text("finished", timeout=SOON)
    page.add_init_script(PRESS_AS_IT_COMES.replace("BUTTON", "primary"))
    page.get_by_role("button", name=re.compile("Confirm")).dblclick()
    expect(page.locator("main")).to_contain_text("you have not read this yet. The same orders were uploaded")
    expect(page.locator(".toast")).to_contain_text("This had just changed: nothing was done.")
    expect(page.locator("[data-file-state]")).to_have_text("ready to confirm")
    page.get_by_role("button", name=re.compile("Confirm")).click()
    expect(page.locator("[data-file-state]")).to_have_text("finished", timeout=SOON)


def test_stop_stops_on_a_page_that_has_just_come(portal: Stack, open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    upload(page, portal, tmp_path, f"{portal.front_month('MES')} 1\n{portal.front_month('MNQ')} 1\n")
    portal.control("faults", kind="slow", route="order/placeorder", seconds=3)
    page.add_init_script(PRESS_AS_IT_COMES.replace("BUTTON", "danger"))
    page.get_by_role("button", name=re.compile("Confirm")).click()
    expect(page.locator("[data-file-state]")).to_have_text("stopped", timeout=SOON)
    expect(page.locator("#file-summary")).to_contain_text("Stopped by the trader.")


def test_what_could_be_seen_for_long_is_pressed_at_once_on_a_page_whose_scripts_came_late(
    portal: Stack, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    page.route("**/lines*.js", lambda route: (sleep(2), route.continue_()))
    page.add_init_script(PRESS_AS_IT_COMES.replace("BUTTON", "primary"))
    upload(page, portal, tmp_path, f"{portal.front_month('MES')} 1\n")
    expect(page.locator("[data-file-state]")).to_have_text("finished", timeout=SOON)
