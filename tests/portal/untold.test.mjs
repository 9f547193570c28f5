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
const position = (qty, more = {}) => ["position:71", { id: "71", account_id: "5", symbol: "ESZ6", side: "Long", qty: `${qty}`, ...more }];
const closed = ["position:71", undefined];
const order = (kind, id, action, type, qty, more = {}) => [
  `${kind}:${id}`,
  { id: `${id}`, account_id: "5", symbol: "ESZ6", action, type, qty: `${qty}`, filled: "0", parent_id: "", oco_id: "", strategy_id: "", reason: "", ...more },
];
const works = (...terms) => order("order", ...terms);
const ended = (id, action, type, qty, status, more = {}) => order("done", id, action, type, qty, { status, ...more });
const cancellation = (id, target, state = "accepted", more = {}) => [
  `intent:${id}`,
  { id: `${id}`, version: "1", kind: "cancel", state, target: `${target}`, order_id: "", sweep: "", ...more },
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
    delta: (...found) => {
      // An order that is done works no more.
      const rows = Object.fromEntries(found.filter(([, row]) => row));
      const gone = found.map(([key, row]) => (row ? key.replace("done:", "order:") : key)).filter((key) => !(key in rows));
      hear({ t: "delta", epoch: "e", seq: (seq = state.seq + 1), rows, gone });
    },
    intents: (...found) => hear({ t: "intents", rows: Object.fromEntries(found) }),
    intent: ([key, row], except) => hear({ t: "intent", key, row }, except),
    notices: () => untold.take(state.rows),
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

// An OCO of three that closes three: order 8 is its target, 9 its stop.
const target = (filled, kind = "order", status = "Working") => order(kind, 8, "Sell", "Limit", 3, { oco_id: "9", filled: `${filled}`, status });
const stop = (status, more = {}) => ended(9, "Sell", "Stop", 3, status, { oco_id: "8", ...more });
const TWO_LEFT = "The stop of ESZ6 was cancelled, as the target has traded: 2 contracts are left without a stop.";
const withPair = () => desk([position(3), target(0), works(9, "Sell", "Stop", 3, { oco_id: "8", status: "Working" })]);

test("the first contract that a target trades takes the stop of the others away, and that is told once", () => {
  const page = withPair();
  page.delta(target(1), position(2), stop("Canceled"));
  const [notice, ...others] = page.notices();
  assert.deepEqual(others, []);
  assert.deepEqual([notice.level, notice.text, notice.link.href], ["error", TWO_LEFT, "/orders/tradovate/9/"]);
  page.delta(target(2), position(1), stop("Canceled"));
  page.snapshot(position(1), target(2), stop("Canceled"));
  assert.deepEqual(page.told(), []);
  assert.deepEqual(desk([position(2), target(1), stop("Canceled")]).told(), []);
});

test("an exit that has closed all of its contracts takes the other one along in silence, whatever else is held", () => {
  const whole = withPair();
  whole.delta(target(3, "done", "Filled"), closed, stop("Canceled"));
  assert.deepEqual(whole.told(), []);
  const more = desk([position(5), target(0)]);
  more.delta(target(3, "done", "Filled"), position(2), stop("Canceled"));
  assert.deepEqual(more.told(), [], "the two others had no stop before");
  const early = withPair();
  early.delta(target(0, "done", "Filled"), stop("Canceled"));
  assert.deepEqual(early.told(), [], "its fills and the position are still to come");
});

test("contracts that another stop closes are not left without one", () => {
  const page = withPair();
  page.delta(works(10, "Sell", "TrailingStop", 1, { status: "Working" }), works(11, "Sell", "Stop", 9, { parent_id: "12", status: "Suspended" }));
  page.delta(target(1), position(2), stop("Canceled"));
  assert.deepEqual(page.told(), ["The stop of ESZ6 was cancelled, as the target has traded: 1 contract is left without a stop."]);
  const covered = withPair();
  covered.delta(works(10, "Sell", "Stop", 2, { status: "Working" }), target(1), position(2), stop("Canceled"));
  assert.deepEqual(covered.told(), []);
});

test("a target that went while its stop works is told as a warning", () => {
  const page = withPair();
  page.delta(works(9, "Sell", "Stop", 3, { oco_id: "8", filled: "1", status: "Working" }), position(2));
  page.delta(target(0, "done", "Canceled"));
  const [{ level, text }] = page.notices();
  assert.deepEqual([level, text], ["warning", "The target of ESZ6 was cancelled, as the stop has traded: 2 contracts are left without a target."]);
});

test("exits that expire, or end with the rest of their entry, are told together, for what is held", () => {
  const expired = withPair();
  expired.delta(target(0, "done", "Expired"), stop("Expired"));
  assert.deepEqual(expired.told(), ["The stop and the target of ESZ6 expired: 3 contracts are left without a stop or a target."]);

  const child = (id, type, pair, status) => order(status === "Suspended" ? "order" : "done", id, "Sell", type, 3, { parent_id: "7", oco_id: `${pair}`, status });
  const page = desk([works(7, "Buy", "Limit", 3, { status: "Working" }), child(8, "Limit", 9, "Suspended"), child(9, "Stop", 8, "Suspended")]);
  const end = (filled) => [ended(7, "Buy", "Limit", 3, "Canceled", { filled: `${filled}` }), child(8, "Limit", 9, "Canceled"), child(9, "Stop", 8, "Canceled")];
  page.intent(cancellation(1, 7));
  page.delta(...end(1), position(1));
  assert.deepEqual(page.told(), ["The stop and the target of ESZ6 were cancelled: 1 contract is left without a stop or a target."]);

  const unfilled = desk([position(2)]);
  unfilled.delta(...end(0));
  assert.deepEqual(unfilled.told(), [], "they were for contracts that nobody has bought");
});

test("what its trader cancelled, alone or with everything, is not told; a cancellation that came to nothing counts for none", () => {
  const own = withPair();
  own.intent(cancellation(1, 9));
  own.delta(stop("Canceled"));
  assert.deepEqual(own.told(), []);
  const all = withPair();
  all.intent(cancellation(1, 8, "accepted", { sweep: "1" }));
  all.delta(target(0, "done", "Canceled"), stop("Canceled"));
  assert.deepEqual(all.told(), []);
  const late = withPair();
  late.intent(cancellation(1, 9, "ineffective"));
  late.delta(target(1), position(2), stop("Canceled"));
  assert.deepEqual(late.told(), [TWO_LEFT]);
  const other = withPair();
  other.intent(cancellation(1, 8));
  other.delta(target(0, "done", "Canceled"), stop("Canceled"));
  assert.deepEqual(other.told(), ["The stop of ESZ6 was cancelled: 3 contracts are left without a stop."]);
});

test("a closing at the market that takes the exits along leaves nothing without one, while it works and as it trades", () => {
  const page = withPair();
  const closing = (filled) => works(12, "Sell", "Market", 3, { filled: `${filled}`, status: "Working" });
  page.delta(target(0, "done", "Canceled"), stop("Canceled"), closing(0));
  assert.deepEqual(page.told(), []);
  const partly = withPair();
  partly.delta(target(0, "done", "Canceled"), stop("Canceled"), closing(1), position(2));
  assert.deepEqual(partly.told(), []);
  const opening = withPair();
  opening.delta(target(1), position(2), stop("Canceled"), works(12, "Buy", "Market", 3, { status: "Working" }));
  assert.deepEqual(opening.told(), [TWO_LEFT]);
});

test("what opens, what is of another account, and what hangs on nothing is no lost exit", () => {
  const page = desk([position(2)]);
  page.delta(ended(4, "Buy", "Limit", 2, "Canceled", { parent_id: "3" }), ended(5, "Sell", "Stop", 2, "Canceled"));
  page.delta(ended(6, "Sell", "Stop", 2, "Canceled", { oco_id: "7", account_id: "6" }));
  page.delta(ended(7, "Sell", "Limit", 2, "Expired", { strategy_id: "4" }));
  assert.deepEqual(page.told(), [], "order 7 is its strategy's entry");
  const breakout = desk([works(8, "Buy", "Stop", 2, { oco_id: "9", status: "Working" })]);
  breakout.delta(works(8, "Buy", "Stop", 2, { oco_id: "9", filled: "1", status: "Working" }), position(1), ended(9, "Sell", "Stop", 2, "Canceled", { oco_id: "8" }));
  assert.deepEqual(breakout.told(), []);
});

test("a strategy's exits that became smaller are not counted twice", () => {
  const page = desk([position(3)]);
  const strategy = { strategy_id: "4", parent_id: "7" };
  page.delta(order("done", 7, "Buy", "Market", 3, { strategy_id: "4", filled: "3", status: "Filled" }));
  page.delta(works(8, "Sell", "Limit", 3, { ...strategy, filled: "1", status: "Working" }), position(2));
  page.delta(ended(9, "Sell", "Stop", 2, "Canceled", { ...strategy, oco_id: "8" }));
  assert.deepEqual(page.told(), ["The stop of ESZ6 was cancelled: 2 contracts are left without a stop."]);
});

test("a strategy that fails after its entry has filled is told once, with what is held without exits", () => {
  const entry = (more) => order("done", 7, "Buy", "Market", 3, { strategy_id: "4", filled: "3", status: "Filled", ...more });
  const failed = entry({ reason: "The price is out of range." });
  const page = desk([position(3), entry({})]);
  page.delta(failed);
  const [notice, ...others] = page.notices();
  assert.deepEqual(others, []);
  const words = "The exits of Buy 3 ESZ6 failed: 3 contracts are left without one. The price is out of range.";
  assert.deepEqual([notice.level, notice.text, notice.link.href], ["error", words, "/orders/tradovate/7/"]);
  page.delta(failed);
  page.snapshot(position(3), failed);
  assert.deepEqual(page.told(), []);

  assert.deepEqual(desk([position(3), failed]).told(), [], "it was there before the page");
  const flat = desk([]);
  flat.delta(failed);
  assert.deepEqual(flat.told(), []);
  const both = desk([position(3), entry({})]);
  both.delta(failed, ended(9, "Sell", "Stop", 3, "Canceled", { strategy_id: "4", parent_id: "7", reason: "The price is out of range." }));
  assert.deepEqual(both.told(), ["The stop of ESZ6 was cancelled: 3 contracts are left without a stop. The price is out of range."]);
});
