// How frames change the desk's state, and how figures are written. Run by tests/portal/test_static.py.

import assert from "node:assert/strict";
import test from "node:test";

import { age, dateAndTime, direction, exactTime, minutesBehindUtc, remaining, sum, timeOfDay, tone, useZone, zoneName } from "../../portal/static/portal/figures.js";
import { applyFrame, backOff, emptyState, isWaiting, ORDER } from "../../portal/static/portal/state.js";

const snapshot = (seq, rows, epoch = "e") => ({ t: "snapshot", epoch, seq, rows });
const delta = (seq, rows = {}, gone = [], epoch = "e") => ({ t: "delta", epoch, seq, at: 1, rows, gone });

function started(rows = { "position:1": { qty: "1" } }, seq = 5) {
  const state = emptyState();
  applyFrame(state, snapshot(seq, rows));
  return state;
}

test("a snapshot replaces every row", () => {
  const state = started();
  const result = applyFrame(state, snapshot(9, { "fill:7": { qty: "3" } }, "another"));
  assert.deepEqual(result, { changed: ["fill:7"], added: ["fill:7"], gone: ["position:1"], fresh: true, gap: false });
  assert.deepEqual([...state.rows], [["fill:7", { qty: "3" }]]);
});

test("a delta in turn adds, changes and removes rows", () => {
  const state = started({ "position:1": { qty: "1" }, "order:2": {} });
  const rows = { "position:1": { qty: "2" }, "fill:3": {} };
  const result = applyFrame(state, delta(6, rows, ["order:2", "order:9"]));
  const changed = ["position:1", "fill:3"];
  assert.deepEqual(result, { changed, added: ["fill:3"], gone: ["order:2"], fresh: false, gap: false });
  assert.deepEqual([...state.rows], Object.entries(rows));
});

test("a delta that the snapshot already holds changes nothing", () => {
  const state = started();
  for (const seq of [4, 5]) {
    const result = applyFrame(state, delta(seq, { "position:1": { qty: "old" } }));
    assert.deepEqual(result, { changed: [], added: [], gone: [], fresh: false, gap: false });
  }
  assert.equal(state.rows.get("position:1").qty, "1");
});

test("a gap is reported once and nothing is applied until the snapshot comes", () => {
  const state = started();
  assert.equal(applyFrame(state, delta(7, { "position:1": { qty: "7" } })).gap, true);
  assert.deepEqual(applyFrame(state, delta(8, { "position:1": { qty: "8" } })).changed, []);
  assert.equal(applyFrame(state, delta(9)).gap, false);
  assert.equal(state.rows.get("position:1").qty, "1");
  applyFrame(state, snapshot(9, { "position:1": { qty: "9" } }));
  assert.deepEqual(applyFrame(state, delta(10, { "position:1": { qty: "10" } })).changed, ["position:1"]);
});

test("deltas that were joined follow the number that they name, or one within them", () => {
  for (const held of [5, 7, 9]) {
    const state = started({}, held);
    const joined = { ...delta(9, { "position:1": { qty: "9" } }, ["order:2"]), after: 5 };
    const result = applyFrame(state, joined);
    assert.equal(result.gap, false);
    assert.deepEqual(result.changed, held === 9 ? [] : ["position:1"]);
    assert.equal(state.seq, 9);
    assert.equal(applyFrame(state, delta(10)).gap, false);
  }
  assert.equal(applyFrame(started({}, 4), { ...delta(9), after: 5 }).gap, true);
});

test("another epoch is a gap, whatever its number", () => {
  const state = started();
  assert.equal(applyFrame(state, delta(6, {}, [], "another")).gap, true);
});

test("deltas before the first snapshot and unknown frames are ignored", () => {
  const state = emptyState();
  assert.deepEqual(applyFrame(state, delta(1)).changed, []);
  assert.equal(applyFrame(state, delta(1)).gap, false);
  assert.deepEqual(applyFrame(started(), { t: "weather" }).changed, []);
});

test("whatever the order of loss, a snapshot and the deltas after it end at the server's state", () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    let random = seed;
    const next = (n) => (random = (random * 48271) % 2147483647) % n;
    const server = new Map();
    const state = emptyState();
    const take = (seq) => snapshot(seq, Object.fromEntries(server));
    applyFrame(state, take(0));
    for (let seq = 1; seq <= 30; seq += 1) {
      const key = `order:${next(4)}`;
      const isGone = next(3) === 0;
      if (isGone) server.delete(key);
      else server.set(key, { qty: String(seq) });
      if (next(5) === 0) continue; // lost on the way
      const frame = isGone ? delta(seq, {}, [key]) : delta(seq, { [key]: { qty: String(seq) } });
      if (applyFrame(state, frame).gap) applyFrame(state, take(seq));
    }
    if (applyFrame(state, delta(31)).gap) applyFrame(state, take(31));
    assert.deepEqual(new Map([...state.rows].sort()), new Map([...server].sort()), `seed ${seed}`);
  }
});

test("fills are newest first, and those of one moment by id", () => {
  const at = (id, time) => ({ id, at: `2026-11-21T${time}Z` });
  const rows = [at("2", "14:30:00.100"), at("10", "14:30:00.100"), at("1", "14:30:00.250"), at("3", "09:00:00.000")];
  assert.deepEqual(rows.sort(ORDER.fill).map((row) => row.id), ["1", "10", "2", "3"]);
});

test("positions are in order of symbol, then of account", () => {
  const rows = [["2", "NQZ6", "B"], ["3", "ESZ6", "B"], ["1", "ESZ6", "A"]];
  const named = rows.map(([id, symbol, account]) => ({ id, symbol, account }));
  assert.deepEqual(named.sort(ORDER.position).map((row) => row.id), ["1", "3", "2"]);
});

test("attempts to connect again spread out, and no further than fifteen seconds", () => {
  assert.equal(backOff(0, 0), 250);
  assert.ok(backOff(0, 0.999) < 500);
  assert.ok(backOff(3, 0) > backOff(0, 0.999));
  assert.ok(backOff(500, 0.999) <= 15_000);
});

test("sums are exact and unknown when a part is", () => {
  assert.equal(sum(["102,345.10", "-37.50", "0.20"]), "102,307.80");
  assert.equal(sum(["+1,250.00", "-2,500.05"], { signed: true }), "-1,250.05");
  assert.equal(sum(["+0.05"], { signed: true }), "+0.05");
  assert.equal(sum(["-0.05", "+0.05"], { signed: true }), "0.00");
  assert.equal(sum(["9,007,199,254,740,993.01", "0.01"]), "9,007,199,254,740,993.02");
  assert.equal(sum(["1.00", "—"]), "—");
  assert.equal(sum([]), "—");
});

test("a figure's tone follows its sign, and nothing is neither gain nor loss", () => {
  const tones = ["+1,250.00", "-37.50", "0.00", "+0.00", "—", "", "102.00"].map(tone);
  assert.deepEqual(tones, ["up", "down", "", "", "", "", ""]);
});

test("ages are words", () => {
  const ages = [-300, 0, 1240, 9_960, 34_000, 89_000, 100_000, 3_600_000, 7_200_000].map(age);
  const words = ["0.0", "0.0", "1.2"].map((text) => `${text} s ago`);
  assert.deepEqual(ages, [...words, "10 s ago", "34 s ago", "89 s ago", "2 min ago", "60 min ago", "2 h ago"]);
  assert.equal(age(NaN), "");
});

test("what is left of a wait is minutes and seconds", () => {
  assert.deepEqual([1, 15, 60, 3543].map(remaining), ["0:01", "0:15", "1:00", "59:03"]);
});

test("times are the browser's own, and what is no time stays as it is", () => {
  assert.match(timeOfDay("2026-11-21T14:03:22.125Z"), /^\d\d:\d\d:22$/);
  assert.match(dateAndTime("2026-11-21T14:03:22Z"), /^2026-11-2[012] \d\d:\d\d$/);
  assert.equal(timeOfDay("—"), "—");
  assert.equal(dateAndTime("—"), "—");
});

test("a mark's direction is told where both are figures", () => {
  assert.deepEqual([direction("1,000.25", "1,000.50"), direction("2", "1"), direction("—", "5")], [1, -1, 0]);
});

test("all times are told in the chosen zone, whatever the browser's own", () => {
  const iso = "2026-11-21T04:03:22.125Z";
  useZone("America/Chicago");
  assert.deepEqual([timeOfDay(iso), exactTime(iso), dateAndTime(iso)], ["22:03:22", "22:03:22.125", "2026-11-20 22:03"]);
  assert.equal(timeOfDay("2026-11-21T06:00:00Z"), "00:00:00");
  assert.equal(zoneName(), "Chicago");
  assert.deepEqual([timeOfDay("—"), dateAndTime("—")], ["—", "—"]);
  useZone("Asia/Kolkata");
  assert.equal(dateAndTime(iso), "2026-11-21 09:33");
  useZone("Nowhere/Town");
  assert.equal(zoneName(), "your time");
  useZone("");
});

test("what is typed as a time of the chosen zone is that far behind UTC then", () => {
  useZone("America/Chicago");
  assert.equal(minutesBehindUtc("2026-11-21T14:00"), 360);
  assert.equal(minutesBehindUtc("2026-07-01T14:00"), 300);
  // The hours around the change of clocks of 1 November 2026, 02:00.
  assert.equal(minutesBehindUtc("2026-11-01T00:30"), 300);
  assert.equal(minutesBehindUtc("2026-11-01T03:30"), 360);
  assert.equal(minutesBehindUtc("2026-03-08T01:30"), 360);
  assert.equal(minutesBehindUtc("2026-03-08T03:30"), 300);
  useZone("Asia/Kolkata");
  assert.equal(minutesBehindUtc("2026-11-21T14:00"), -330);
  useZone("UTC");
  assert.equal(minutesBehindUtc("2026-11-21T14:00"), 0);
  assert.equal(minutesBehindUtc(""), 0);
  useZone("");
});

test("a desk waits until something of Tradovate's is known, or that there is nothing", () => {
  const waits = (rows, epoch) => {
    const state = emptyState();
    applyFrame(state, snapshot(5, rows, epoch));
    return isWaiting(state);
  };
  assert.ok(waits({}, ""));
  assert.ok(waits({ upstream: { state: "down" } }));
  assert.ok(!waits({ upstream: { state: "up" } }));
  assert.ok(!waits({ upstream: { state: "down" }, "account:1": {} }));
});

test("an intent of which something else is told by now is news, though nothing has become of it", () => {
  const state = emptyState();
  const told = (row) => applyFrame(state, { t: "intents", rows: { "intent:1": { version: "3", account: "DEMO1", decisions: "", ...row } } }).changed;
  const found = { decisions: "give-up" }; // the order that it hangs on
  assert.deepEqual([told({}), told({}), told(found), told(found)], [["intent:1"], [], ["intent:1"], []]);
  assert.equal(state.rows.get("intent:1").decisions, "give-up");
  assert.deepEqual(told({ version: "2", decisions: "again give-up" }), [], "older news");
  assert.deepEqual(told({ account: "scalps" }), ["intent:1"]);
  assert.equal(state.rows.get("intent:1").account, "scalps");
});
