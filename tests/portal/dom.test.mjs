// What a browser keeps for its person, also where it keeps nothing. Run by tests/portal/test_static.py.

import assert from "node:assert/strict";
import test from "node:test";

globalThis.document = { documentElement: { dataset: { person: "7" } } };
const kept = new Map();
let isFull = false;
globalThis.localStorage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem(key, value) {
    if (isFull) throw new Error("QuotaExceededError");
    kept.set(key, value);
  },
};
const { recall, remember } = await import("../../portal/static/portal/dom.js");

test("what was chosen is kept for its person", () => {
  assert.equal(recall("tradeport.ask"), "");
  remember("tradeport.ask", "never");
  assert.equal(recall("tradeport.ask"), "never");
  assert.deepEqual([...kept], [["tradeport.ask 7", "never"]]);
});

test("what cannot be kept holds for this page, until it can", () => {
  isFull = true;
  remember("tradeport.ask", "market");
  assert.equal(recall("tradeport.ask"), "market");
  isFull = false;
  remember("tradeport.ask", "always");
  kept.set("tradeport.ask 7", "never"); // by another tab
  assert.equal(recall("tradeport.ask"), "never");
});

test("without any storage a choice holds for this page", () => {
  delete globalThis.localStorage;
  remember("tradeport.sound", "on");
  assert.equal(recall("tradeport.sound"), "on");
});
