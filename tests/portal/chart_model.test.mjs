// What a chart draws of bars and of the page's state. Run by tests/portal/test_static.py.

import assert from "node:assert/strict";
import test from "node:test";

import {
  Bars,
  change,
  decimalsOf,
  indexAt,
  knownBars,
  markersOf,
  ownFills,
  ownLines,
  ownSymbols,
} from "../../portal/static/portal/chart_model.js";

const bar = (time, close = 1) => [time, 1, 2, 0, close, 10];
const times = (bars) => bars.list.map(([time]) => time);
const at = "2026-11-21T14:30:00.000Z";
const fill = (fields) => ({ symbol: "ESZ6", account_id: "1", action: "Buy", qty: "2", price: "6850.25", at, ...fields });
const order = (fields) => ({
  ...{ symbol: "ESZ6", account_id: "1", action: "Sell", qty: "3", filled: "1", type: "Limit", price: "6900.00", stop: "—" },
  ...{ status: "Working", ...fields },
});
const position = (fields) => ({
  ...{ symbol: "ESZ6", account_id: "1", side: "Long", qty: "2", average: "6850.25", open_pnl: "+125.00", ...fields },
});

test("a history that meets what is there keeps the older bars, one beyond a hole does not", () => {
  const bars = new Bars();
  bars.replace([bar(30), bar(40)]);
  bars.prepend([bar(10), bar(20), bar(30)], false);
  bars.replace([bar(40, 7), bar(50)]);
  assert.deepEqual(times(bars), [10, 20, 30, 40, 50]);
  assert.equal(bars.list[3][4], 7);
  bars.replace([bar(90)]);
  assert.deepEqual(times(bars), [90]);
});

test("news of the last bar are told apart from news of an older one", () => {
  const bars = new Bars();
  bars.replace([bar(10), bar(20)]);
  assert.equal(bars.apply([bar(20, 5), bar(30)]), true);
  assert.equal(bars.apply([bar(10, 5)]), false);
  assert.equal(bars.apply([bar(15)]), false);
  assert.deepEqual(times(bars), [10, 15, 20, 30]);
  const empty = new Bars();
  assert.equal(empty.apply([bar(10)]), true);
  assert.deepEqual(times(empty), [10]);
});

test("older bars are asked for until there are none", () => {
  const bars = new Bars();
  assert.equal(bars.askBefore, null);
  bars.replace([bar(30)]);
  assert.equal(bars.askBefore, 30);
  bars.prepend([], true);
  assert.equal(bars.askBefore, null);
});

test("the bar of a moment is the last one that had begun", () => {
  const list = [bar(10), bar(20), bar(30)];
  assert.deepEqual([9, 10, 19, 20, 99].map((time) => indexAt(list, time)), [-1, 0, 0, 1, 2]);
});

test("working orders and positions of the contract and account are lines", () => {
  const rows = new Map(
    Object.entries({
      "order:1": order({}),
      "order:2": order({ account_id: "2", qty: "1", filled: "0" }),
      "order:3": order({ type: "Stop", price: "—", stop: "6800.00" }),
      "order:4": order({ type: "StopLimit", price: "6790.00", stop: "6795.00" }),
      "order:7": order({ type: "LimitIfTouched", price: "6785.00", touch: "6786.00" }),
      "order:5": order({ status: "Filled", price: "1.00" }),
      "order:6": order({ symbol: "NQZ6", price: "2.00" }),
      "position:1": position({}),
      "position:2": position({ symbol: "NQZ6" }),
      "account:1": { id: "1" },
    }),
  );
  const titles = (account) => ownLines(rows, "ESZ6", account).map((line) => `${line.title} at ${line.price}`);
  assert.deepEqual(titles(""), [
    "Long 2 +125.00 at 6850.25",
    "Sell 3 Limit at 6900",
    "Sell 2 Stop at 6800",
    "Sell 2 StopLimit trigger at 6795",
    "Sell 2 StopLimit limit at 6790",
    "Sell 2 LimitIfTouched trigger at 6786",
    "Sell 2 LimitIfTouched limit at 6785",
  ]);
  assert.deepEqual(titles("2"), ["Sell 1 Limit at 6900"]);
  assert.deepEqual(ownSymbols(rows), ["ESZ6", "NQZ6"]);
});

test("positions of one average in several accounts are one line with their P&L together, unknown when one is", () => {
  const title = (second) =>
    ownLines(new Map([["position:1", position({})], ["position:2", position({ account_id: "2", ...second })]]), "ESZ6", "")[0].title;
  assert.equal(title({ open_pnl: "-25.00" }), "Long 4 +100.00");
  assert.equal(title({ open_pnl: "—" }), "Long 4");
});

test("positions of several accounts at averages of their own say whose they are", () => {
  const second = position({ account_id: "2", account: "DEMO2", average: "6851.25" });
  const rows = new Map([["position:1", position({ account: "DEMO1" })], ["position:2", second]]);
  const titles = (account) => ownLines(rows, "ESZ6", account).map((line) => line.title);
  assert.deepEqual(titles(""), ["Long 2 +125.00 DEMO1", "Long 2 +125.00 DEMO2"]);
  assert.deepEqual(titles("2"), ["Long 2 +125.00"]);
});

test("fills are marked at their bar, one marker per bar and side", () => {
  const rows = new Map([
    ["fill:1", fill({ at: new Date(25).toISOString() })],
    ["fill:2", fill({ at: new Date(21).toISOString(), qty: "1" })],
    ["fill:3", fill({ at: new Date(35).toISOString(), action: "Sell" })],
    ["fill:4", fill({ at: new Date(5).toISOString() })],
    ["fill:5", fill({ account_id: "2" })],
  ]);
  const found = markersOf(ownFills(rows, "ESZ6", "1"), [bar(10), bar(20), bar(30)]);
  assert.deepEqual(found, [
    { time: 20, side: "Buy", quantity: 3, fills: 2 },
    { time: 30, side: "Sell", quantity: 2, fills: 1 },
  ]);
});

test("on a chart of days fills are marked at their trade date, which begins on the evening before", () => {
  const evening = { at: "2026-11-29T23:30:00.000Z", trade_date: "2026-11-30" };
  const fills = ownFills(new Map([["fill:1", fill(evening)], ["fill:2", fill({ at: evening.at })]]), "ESZ6", "");
  const [friday, monday] = ["2026-11-27", "2026-11-30"].map(Date.parse);
  const marked = (isDaily) => markersOf(fills, [bar(friday), bar(monday)], isDaily).map(({ time, fills }) => [time, fills]);
  assert.deepEqual(marked(true), [[friday, 1], [monday, 1]], "one is by an older hub, which tells no trade date");
  assert.deepEqual(marked(false), [[friday, 2]]);
});

test("without market data own prices are drawn, and nothing when there are none", () => {
  const fills = ownFills(new Map([["fill:1", fill({})]]), "ESZ6", "");
  const then = Date.parse(at);
  assert.deepEqual(knownBars(fills, [], then + 5).map(([time, price]) => [time, price]), [
    [then, 6850.25],
    [then + 5, 6850.25],
  ]);
  assert.deepEqual(knownBars([], [{ price: 7 }], 9), [[9, 7, 7, 7, 7, 0]]);
  assert.deepEqual(knownBars([], [], 9), []);
});

test("prices have the decimals that they need", () => {
  assert.equal(decimalsOf([[0, 110.015625, 110, 110, 110.5, 3.25]]), 6);
  assert.equal(decimalsOf([[0, 5, 5, 5, 5, 0]]), 0);
  assert.equal(change(6840, 6852.5, 2), "+12.50 (+0.18%)");
  assert.equal(change(-40, -38, 0), "+2 (+5.00%)");
  assert.equal(change(0, 1, 0), "+1");
});
