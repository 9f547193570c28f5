// A socket that is closed for good leaves nothing behind on its page. Run by tests/portal/test_static.py.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import test from "node:test";

const page = new EventTarget();
globalThis.document = Object.assign(new EventTarget(), { visibilityState: "visible" });
globalThis.addEventListener = page.addEventListener.bind(page);
globalThis.WebSocket = class {
  static OPEN = 1;
  readyState = 1;
  close() {}
};
const { DeskSocket } = await import("../../portal/static/portal/socket.js");

test("a chart that shows another contract listens once, however many it has shown", () => {
  const listeners = () => [
    ...["online", "pageshow"].map((type) => getEventListeners(page, type).length),
    getEventListeners(document, "visibilitychange").length,
  ];
  const sockets = [new DeskSocket("ws://first/", {}), new DeskSocket("ws://second/", {})];
  assert.deepEqual(listeners(), [2, 2, 2]);
  for (const socket of sockets) socket.close();
  assert.deepEqual(listeners(), [0, 0, 0]);
});
