// What the page says of how it is fed: only what is heard of now counts as streaming. Run by tests/portal/test_static.py.

import assert from "node:assert/strict";
import test from "node:test";

class Element {
  textContent = "";
  hidden = true;
  dataset = {};
  parts = {};
  querySelector(selector) {
    return (this.parts[selector] ??= new Element());
  }
  toggleAttribute(name, on) {
    this.parts[name] = on;
  }
  hasAttribute(name) {
    return this.parts[name] === true;
  }
}

const { UpstreamPill } = await import("../../portal/static/portal/upstream.js");
const START = Date.parse("2026-11-20T12:00:00Z");

/** A page that was opened at START; `figures`: rows have come. */
function page(mock, state = "connecting", at = START) {
  mock.timers.enable({ apis: ["setInterval", "Date"], now: START });
  globalThis.document = Object.assign(new Element(), { body: new Element() });
  const told = [];
  globalThis.dispatchEvent = (event) => told.push(event.type);
  const root = new Element();
  root.dataset = { state, lastMessageAt: new Date(at).toISOString() };
  const pill = new UpstreamPill(root);
  const notice = document.querySelector("#upstream-notice");
  return {
    pill,
    told,
    row(state, { at = Date.now(), detail = "", figures = true } = {}) {
      pill.heard(Date.now());
      pill.row({ state, detail, last_message_at: new Date(at).toISOString(), round_trip: "" }, figures);
    },
    get says() {
      return pill.words.textContent;
    },
    get isStale() {
      return document.body.hasAttribute("data-stale");
    },
    get notice() {
      if (notice.hidden) return "";
      return `${notice.querySelector("[data-text]").textContent} ${notice.querySelector("[data-detail]").textContent}`.trim();
    },
  };
}

test("a hub that tells nothing any more is no stream, and one that comes back is", ({ mock }) => {
  const shown = page(mock);
  shown.row("up");
  for (let seconds = 0; seconds < 60; seconds += 4) {
    mock.timers.tick(4_000);
    shown.row("up");
    assert.deepEqual([shown.says, shown.isStale, shown.notice], ["streaming", false, ""]);
  }
  const last = Date.now();
  mock.timers.tick(20_000);
  assert.deepEqual([shown.says, shown.isStale, shown.pill.root.dataset.state], ["not answering", true, "silent"]);
  assert.match(shown.notice, /Tradeport's own process.*as of the last message/);
  assert.deepEqual(shown.told, ["tradeport:stale"]); // so that the tab tells no figure of then
  shown.row("up", { at: last }); // a snapshot brings its last words again
  assert.equal(shown.says, "not answering");
  shown.row("up");
  assert.deepEqual([shown.says, shown.isStale, shown.notice], ["streaming", false, ""]);
});

test("a page that is opened an hour later does not take its last words for news", ({ mock }) => {
  const shown = page(mock, "up", START - 3_600_000);
  shown.row("up", { at: START - 3_600_000 });
  assert.deepEqual([shown.says, shown.isStale], ["not answering", true]);
});

test("a hub whose clock is behind is heard all the same", ({ mock }) => {
  const shown = page(mock);
  for (let seconds = 0; seconds < 40; seconds += 4) {
    shown.row("up", { at: Date.now() - 60_000 });
    mock.timers.tick(4_000);
  }
  assert.equal(shown.says, "streaming");
});

test("while Tradovate is being reconnected the warning stays, whatever attempt that is", ({ mock }) => {
  const shown = page(mock);
  shown.row("up");
  shown.row("down", { detail: "Tradovate does not answer." });
  const said = shown.notice;
  assert.match(said, /being reconnected\. .* Tradovate does not answer\.$/);
  shown.row("connecting", { detail: "Tradovate does not answer." });
  assert.deepEqual([shown.says, shown.isStale, shown.notice], ["reconnecting", true, said]);
  shown.row("connecting", { detail: "This one's turn comes in about 90 s." });
  assert.match(shown.notice, /turn comes in about 90 s/);
  shown.row("up");
  assert.deepEqual([shown.says, shown.isStale, shown.notice], ["streaming", false, ""]);
});

test("before there are figures nothing is out of date, and why it takes long is told", ({ mock }) => {
  const shown = page(mock);
  shown.row("connecting", { figures: false });
  assert.deepEqual([shown.says, shown.isStale, shown.notice], ["connecting", false, ""]);
  shown.row("connecting", { figures: false, detail: "This one's turn comes in about 90 s." });
  assert.deepEqual([shown.says, shown.isStale, shown.notice], ["connecting", false, "This one's turn comes in about 90 s."]);
});
