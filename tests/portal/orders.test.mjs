// How orders and intents become one table, and when the ticket asks. Run by tests/portal/test_static.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { mustAsk } from "../../portal/static/portal/confirm.js";
import { moved, ofFill, orderEntries, sourcesOf } from "../../portal/static/portal/orders.js";
import { orderOf } from "../../portal/static/portal/seen.js";
import { applyFrame, applyIntentRows, emptyState } from "../../portal/static/portal/state.js";
import { meaningOf } from "../../portal/static/portal/tools.js";
import { wordsOf } from "../../portal/static/portal/untold.js";

const kept = JSON.parse(readFileSync(new URL("order_table.json", import.meta.url)));

test("orders and intents are laid over each other as the server does it", () => {
  const rows = new Map(Object.entries({ ...kept.rows, ...kept.intents }));
  const lines = orderEntries(rows).map(({ key, row, depth }) => [key, depth, row.group, row.source, row.intent, row.link, row.change, row.reason]);
  assert.deepEqual(lines, kept.lines);
});

test("a fill is told by who asked for its order", () => {
  const rows = new Map(Object.entries({ ...kept.rows, ...kept.intents }));
  const sources = sourcesOf(orderEntries(rows));
  const told = Object.entries(kept.fills).map(([key, fill]) => [key, ofFill(fill, sources).source]);
  assert.deepEqual(Object.fromEntries(told), kept.sources);
});

test("whose order is told of later is told at its fills then", () => {
  const one = sourcesOf(orderEntries(new Map(Object.entries(kept.rows))));
  const other = sourcesOf(orderEntries(new Map(Object.entries({ ...kept.rows, ...kept.intents }))));
  assert.deepEqual([...moved(one, other)].sort(), ["10", "11", "12", "20", "21", "22", "30"]);
  assert.deepEqual([...moved(other, other)], []);
});

test("a refused order says Tradovate's reason, else the intent's", () => {
  const rows = new Map(Object.entries({ ...kept.rows, ...kept.intents }));
  const reason = () => orderEntries(rows).find(({ key }) => key === "order:30").row.reason;
  assert.equal(reason(), "No margin.");
  rows.set("done:30", { ...rows.get("done:30"), reason: "" });
  assert.equal(reason(), "Margin is missing.");
});

test("what came to nothing is told beside the order that was to change, as soon as it is known", () => {
  const rows = new Map(Object.entries({ ...kept.rows, ...kept.intents }));
  const line = () => orderEntries(rows).find(({ key }) => key === "order:31").row;
  assert.deepEqual([line().change, line().reason], ["", "Its change did not take. No margin."], "refused: not replaced");
  rows.set("intent:16", { ...kept.intents["intent:10"], id: "16", state: "submitting", reason: "" });
  assert.deepEqual([line().change, line().reason], ["", ""]);
  rows.set("intent:16", { ...rows.get("intent:16"), state: "ineffective", reason: "Still 4000." });
  assert.deepEqual([line().change, line().reason], ["16", "Its change did not take. Still 4000."]);
});

function started() {
  const state = emptyState();
  applyFrame(state, { t: "snapshot", epoch: "e", seq: 1, rows: { "order:1": { id: "1" } } });
  return state;
}

test("of two states of an intent the newer one holds, in any order", () => {
  const state = started();
  const told = (version, word) => ({ t: "intent", key: "intent:1", row: { version: String(version), state: word } });
  assert.deepEqual(applyFrame(state, told(2, "accepted")).added, ["intent:1"]);
  assert.deepEqual(applyFrame(state, told(1, "submitting")).changed, []);
  assert.deepEqual(applyFrame(state, told(10, "filled")).changed, ["intent:1"]);
  assert.equal(state.rows.get("intent:1").state, "filled");
  assert.deepEqual(applyIntentRows(state, { "intent:1": { version: "9" } }), []);
});

test("a snapshot keeps the intents, and all of today's replace them", () => {
  const state = started();
  applyFrame(state, { t: "intents", rows: { "intent:1": { version: "3" }, "intent:2": { version: "1" } } });
  const fresh = applyFrame(state, { t: "snapshot", epoch: "f", seq: 1, rows: { "order:2": { id: "2" } } });
  assert.deepEqual(fresh.gone, ["order:1"]);
  assert.deepEqual([...state.rows.keys()].sort(), ["intent:1", "intent:2", "order:2"]);
  const all = applyFrame(state, { t: "intents", rows: { "intent:1": { version: "2" } } });
  assert.deepEqual([all.gone, all.changed, all.added], [["intent:2"], [], []]);
  assert.equal(state.rows.get("intent:1").version, "3", "what is older changes nothing");
});

test("the ticket asks as its trader wants, and always when something is to be warned of", () => {
  assert.equal(mustAsk("always", "Limit"), true);
  assert.equal(mustAsk("market", "Market"), true);
  assert.equal(mustAsk("market", "Limit"), false);
  assert.equal(mustAsk("never", "Market"), false);
  assert.equal(mustAsk("never", "Limit", [{ severity: "note" }]), false);
  assert.equal(mustAsk("never", "Limit", [{ severity: "warning" }]), true);
});

test("the fills of an order are told in one sentence", () => {
  const fill = (qty, price, action = "Buy") => ({ qty: String(qty), price, action, symbol: "ESZ6" });
  assert.equal(wordsOf([fill(3, "5000.25")]), "Bought 3 ESZ6 at 5000.25");
  assert.equal(wordsOf([fill(1, "5000.25"), fill(2, "5000.50"), fill(1, "5000.25")]), "Bought 4 ESZ6 at 5000.25, 5000.50");
  assert.equal(wordsOf([1, 2, 3, 4].map((n) => fill(1, `${n}`, "Sell"))), "Sold 4 ESZ6 at 1 to 4");
});

test("a key means something on the desk only, and once a press", () => {
  const idle = { typing: false, dialog: false, on: true };
  const flatten = { key: "F", shiftKey: true };
  assert.equal(meaningOf(flatten, idle), "flatten-all");
  assert.equal(meaningOf({ key: "f" }, idle), null, "flatten-all wants Shift");
  assert.equal(meaningOf({ key: "F" }, idle), null, "Caps Lock is not Shift");
  assert.equal(meaningOf({ key: "f", shiftKey: true }, idle), "flatten-all", "nor does it take Shift away");
  assert.equal(meaningOf({ key: "B" }, idle), "buy");
  assert.equal(meaningOf({ key: "X", shiftKey: true }, idle), null);
  assert.equal(meaningOf({ key: "/", shiftKey: true }, idle), "symbol", "as many keyboards write it");
  assert.equal(meaningOf({ key: "2" }, idle), "tab-filled");
  assert.equal(meaningOf({ key: "b" }, idle), "buy");
  for (const more of [{ repeat: true }, { ctrlKey: true }, { metaKey: true }, { altKey: true }]) {
    assert.equal(meaningOf({ ...flatten, ...more }, idle), null);
  }
  assert.equal(meaningOf(flatten, { ...idle, typing: true }), null);
  assert.equal(meaningOf(flatten, { ...idle, dialog: true }), null);
  assert.equal(meaningOf(flatten, { ...idle, on: false }), null);
  assert.equal(meaningOf({ key: "?" }, { ...idle, on: false }), "help", "the sheet can always be opened");
});

test("a line tells which order was seen", () => {
  const rows = new Map([["fill:5", { order_id: "7" }]]);
  assert.deepEqual(["order:12", "fill:5", "fill:6", "intent:3", undefined].map((key) => orderOf(key, rows)), [12, 7, 0, 0, 0]);
});
