// How long a press of a button is the same wish. Run by tests/portal/test_static.py.

import assert from "node:assert/strict";
import test from "node:test";

import { post, Wish } from "../../portal/static/portal/press.js";

const MINUTE = 60_000;

test("every answered press is a wish of its own, and its key is one that the server takes", () => {
  const wish = new Wish();
  const first = wish.key;
  assert.match(first, /^[0-9a-f]{32}$/);
  assert.equal(wish.key, first);
  assert.equal(wish.isLost, false);
  wish.answered({ level: "success" });
  assert.notEqual(wish.key, first);
});

test("whose answer was lost is the same wish when it is pressed again, for a minute after the last try", () => {
  let now = 0;
  const wish = new Wish(() => now);
  const first = wish.key;
  now += 10 * MINUTE;
  assert.equal(wish.key, first);
  wish.answered({ lost: true });
  now += MINUTE;
  assert.equal(wish.key, first);
  wish.answered({ lost: true });
  now += MINUTE;
  assert.equal(wish.isLost, true);
  assert.equal(wish.key, first);
  now += 1;
  assert.equal(wish.isLost, false);
  assert.notEqual(wish.key, first);
});

test("a press whose answer never comes is given up as lost, but not before a slow answer can have come", async (t) => {
  let patience;
  t.mock.method(AbortSignal, "timeout", (milliseconds) => {
    patience = milliseconds;
    return AbortSignal.abort();
  });
  t.mock.method(globalThis, "fetch", (_, { signal }) => new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason);
    else signal?.addEventListener("abort", () => reject(signal.reason));
  }));
  const answer = await Promise.race([post("/desk/place/", {}), new Promise((resolve) => setImmediate(() => resolve({})))]);
  assert.equal(answer.lost, true);
  assert.ok(patience > 35_000, "Tradovate may take 25 s for one exchange, and what becomes of it is waited for 10 s");
});
