// That an order was seen is told once, and not before there is somebody to tell. Run by tests/portal/test_static.py.

import assert from "node:assert/strict";
import test from "node:test";

import { orderOf, watchSeen } from "../../portal/static/portal/seen.js";

test("an order that was seen while the socket was down is told when it is back, once", ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let look;
  globalThis.document = { visibilityState: "visible", addEventListener() {} };
  globalThis.addEventListener = () => {};
  globalThis.IntersectionObserver = class {
    constructor(seen) {
      look = (row) => seen([{ isIntersecting: true, target: { dataset: { row } } }]);
    }
    unobserve() {}
  };
  globalThis.MutationObserver = class {};
  const told = [];
  let isUp = false;
  const tell = (orders) => isUp && Boolean(told.push(orders));
  watchSeen({ querySelectorAll: () => [] }, { rows: new Map() }, tell);

  look("order:7");
  mock.timers.tick(10_000);
  assert.deepEqual(told, []);
  isUp = true;
  look("order:8");
  mock.timers.tick(10_000);
  assert.deepEqual(told, [[7, 8]]);
  look("order:7");
  mock.timers.tick(10_000);
  assert.deepEqual(told, [[7, 8]]);
});

test("which order a line is about", () => {
  const rows = new Map([["fill:3", { order_id: "12" }]]);
  assert.deepEqual(["order:9", "fill:3", "fill:4", "intent:5", undefined].map((key) => orderOf(key, rows)), [9, 12, 0, 0, 0]);
});
