// What a trader is told of: each fill, refusal and lost answer once, whichever way the page hears of it.

import assert from "node:assert/strict";
import test from "node:test";

import { applyFrame, emptyState } from "../../portal/static/portal/state.js";
import { Untold } from "../../portal/static/portal/untold.js";

const fill = (id, order = id) => [`fill:${id}`, { id: `${id}`, order_id: `${order}`, action: "Buy", qty: "1", symbol: "ESZ6", price: "5000.25" }];
const done = (id, status = "Rejected") => [`done:${id}`, { id: `${id}`, status, action: "Sell", qty: "2", symbol: "NQZ6", reason: "No margin." }];
const intent = (id, state, order = "", version = 1) => [
  `intent:${id}`,
  { id: `${id}`, version: `${version}`, state, level: state === "unknown" ? "warning" : "error", order_id: `${order}`, words: `Intent ${id}: ${state}.` },
];
const REFUSED = "Sell 2 NQZ6: rejected. No margin.";

/** A desk that has loaded with these rows and intents, or one that `isEarly` and has loaded nothing yet. */
function desk(rows = [], intents = [], { isEarly = false } = {}) {
  const state = emptyState();
  const untold = new Untold();
  let seq = 0;
  const hear = (frame, except = []) => {
    const { changed, fresh, quiet } = applyFrame(state, frame);
    untold.hear(state.rows, changed, { first: fresh && state.epoch !== "" ? "rows" : quiet ? "intents" : "", except });
  };
  const told = (now) => untold.take(state.rows, now).map(({ text }) => text);
  const page = {
    state,
    told,
    hear,
    snapshot: (...found) => hear({ t: "snapshot", epoch: "e", seq, rows: Object.fromEntries(found) }),
    nothing: () => hear({ t: "snapshot", epoch: "", seq: 0, rows: {} }),
    delta: (...found) => hear({ t: "delta", epoch: "e", seq: (seq = state.seq + 1), rows: Object.fromEntries(found) }),
    intents: (...found) => hear({ t: "intents", rows: Object.fromEntries(found) }),
    intent: ([key, row], except) => hear({ t: "intent", key, row }, except),
    links: () => untold.take(state.rows).map(({ link }) => link?.href),
  };
  if (!isEarly) page.snapshot(...rows);
  if (!isEarly) page.intents(...intents);
  return page;
}

test("nothing of what was there before the page is told", () => {
  const page = desk([fill(1), done(2)], [intent(3, "rejected"), intent(4, "unknown")]);
  assert.deepEqual(page.told(), []);
});

test("a page that was there before the hub is not told of the morning", () => {
  const page = desk([], [], { isEarly: true });
  page.nothing();
  page.intents(intent(1, "rejected"));
  page.snapshot(fill(1), done(2), ["order:9", { id: "9" }]);
  page.intents(intent(1, "rejected"), intent(3, "rejected", 9));
  assert.deepEqual(page.told(), []);
  page.intents(intent(1, "rejected"), intent(3, "rejected", 9), intent(4, "rejected"));
  assert.deepEqual(page.told(), ["Intent 4: rejected."]);
});

test("what a later snapshot adds is told once", () => {
  const page = desk([fill(1), done(2)]);
  page.snapshot(fill(1), done(2), fill(5), done(6), done(7, "Canceled"));
  assert.deepEqual(page.told(), ["Bought 1 ESZ6 at 5000.25", REFUSED]);
  page.snapshot(fill(1), done(2), fill(5), done(6), done(7, "Canceled"));
  page.delta(fill(5));
  assert.deepEqual(page.told(), []);
});

test("an order that was working when the page lost its socket and was rejected meanwhile is told", () => {
  const page = desk([["order:6", { id: "6", status: "Working" }]]);
  page.snapshot(done(6));
  assert.deepEqual(page.told(), [REFUSED]);
});

test("what a restarted Redis forgot for a while is not told again", () => {
  const page = desk([fill(1)]);
  page.delta(fill(2));
  assert.equal(page.told().length, 1);
  page.nothing();
  page.snapshot(fill(1), fill(2), fill(3, 2));
  assert.deepEqual(page.told(), ["Bought 1 ESZ6 at 5000.25"]);
});

test("an intent that was refused or lost while the page was away is told, by the first list of intents none", () => {
  const page = desk([], [intent(1, "accepted", 9)]);
  page.intents(intent(1, "rejected", 9, 2), intent(2, "unknown"), intent(3, "accepted"));
  assert.deepEqual(page.told(), ["Intent 1: rejected.", "Intent 2: unknown."]);
  page.intents(intent(1, "rejected", 9, 2), intent(2, "unknown"));
  assert.deepEqual(page.told(), []);
});

test("a refusal of an order of ours is told by its intent alone, whichever comes first", () => {
  const page = desk();
  page.delta(done(9));
  page.intent(intent(1, "rejected", 9));
  assert.deepEqual(page.told(), ["Intent 1: rejected."]);
  page.delta(done(10));
  assert.deepEqual(page.told(), [REFUSED]);
  page.intent(intent(2, "rejected", 10));
  assert.deepEqual(page.told(), []);
  page.intent(intent(3, "rejected", 11));
  assert.deepEqual(page.told(), ["Intent 3: rejected."]);
  page.delta(done(11));
  assert.deepEqual(page.told(), []);
});

test("while an answer is on its way, what it may tell by itself waits", () => {
  const page = desk();
  page.delta(fill(1));
  page.delta(done(9));
  page.intent(intent(1, "rejected", 9));
  assert.deepEqual(page.told({ isSending: true }), ["Bought 1 ESZ6 at 5000.25"]);
  page.hear({ t: "pong" }, ["intent:1"]);
  assert.deepEqual(page.told(), []);
});

test("of what the ticket itself tells nothing is told", () => {
  const page = desk();
  page.intent(intent(1, "rejected", 9), ["intent:1"]);
  page.delta(done(9));
  assert.deepEqual(page.told(), []);
});

test("a change that was accepted and changed nothing is told, and a cancellation that came too late is not", () => {
  const ineffective = (id, kind) => {
    const [key, row] = intent(id, "ineffective", "", 2);
    return [key, { ...row, kind }];
  };
  const page = desk([], [intent(1, "accepted"), intent(2, "accepted")]);
  page.intent(ineffective(1, "modify"));
  page.intent(ineffective(2, "cancel"));
  assert.deepEqual(page.told(), ["Intent 1: ineffective."]);
});

test("a lost answer that was found before it could be told is not told", () => {
  const page = desk();
  page.intent(intent(1, "unknown"));
  page.intent(intent(1, "accepted", 9, 2));
  assert.deepEqual(page.told(), []);
});

test("the fills of one order are one notice, and those of many orders too", () => {
  const page = desk();
  page.delta(fill(1, 7), fill(2, 7));
  assert.deepEqual(page.told(), ["Bought 2 ESZ6 at 5000.25"]);
  page.snapshot(...Array.from({ length: 12 }, (_, index) => fill(index + 1)));
  const [notice, ...others] = page.told();
  assert.deepEqual(others, []);
  assert.equal(notice, `${"Bought 1 ESZ6 at 5000.25 · ".repeat(8)}and 2 more`);
});

test("a refusal leads to its order's page, wherever the order was placed, and many to all of them", () => {
  const page = desk();
  page.intent(intent(1, "rejected", 9));
  page.delta(done(10));
  assert.deepEqual(page.links(), ["/orders/1/", "/orders/tradovate/10/"]);
  page.delta(done(11), done(12), done(13), done(14));
  assert.deepEqual(page.links(), ["/?orders=ended#orders"]);
});

test("a trader of several accounts is told in which one it was", () => {
  const account = (id) => [`account:${id}`, { id, name: `DEMO${id}` }];
  const of = ([key, row], account) => [key, { ...row, account }];
  const news = [of(fill(1), "Prop evaluation"), of(done(2), "DEMO2")];
  const one = desk([account("1")]);
  one.delta(...news);
  assert.deepEqual(one.told(), ["Bought 1 ESZ6 at 5000.25", REFUSED]);
  const both = desk([account("1"), account("2")]);
  both.delta(...news);
  assert.deepEqual(both.told(), ["Bought 1 ESZ6 at 5000.25 in Prop evaluation", "Sell 2 NQZ6 in DEMO2: rejected. No margin."]);
});
