// How long a press of a button is the same wish, and whether it was aimed at. Run by tests/portal/test_static.py.

import assert from "node:assert/strict";
import test from "node:test";

import { hasJustCome, placesOf } from "../../portal/static/portal/places.js";
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

test("a click hits what it was aimed at, unless that has come there by itself in the last moments", () => {
  const stand = (top) => new Map([["row", { top, bottom: top + 30 }]]);
  const isSurprise = (places, y, now) => hasJustCome(places.get("row"), y, now);
  const first = placesOf(stand(100), new Map(), -Infinity);
  assert.equal(isSurprise(first, 110, 1000), false, "it stood there when the page was made");
  const moved = placesOf(stand(70), first, 1000);
  assert.equal(isSurprise(moved, 80, 1300), true);
  assert.equal(isSurprise(moved, 80, 1500), false, "it has been seen there");
  assert.equal(isSurprise(placesOf(stand(70), moved, 1200), 80, 1500), false, "it stands since it moved, not since it was looked at");
  assert.equal(isSurprise(placesOf(stand(76), moved, 1030), 80, 1050), true, "it has moved once more since");
  assert.equal(isSurprise(placesOf(stand(66), moved, -Infinity), 80, 1050), true, "it is being scrolled as well");
  assert.equal(isSurprise(placesOf(stand(66), moved, -Infinity), 80, 1500), false, "and has been seen by now");
  assert.equal(isSurprise(placesOf(stand(90), first, 1000), 105, 1001), false, "it was under the pointer before");
  assert.equal(isSurprise(placesOf(stand(70), first, -Infinity), 80, 1001), false, "its person has scrolled");
  assert.equal(isSurprise(placesOf(stand(100), new Map(), 1000), 110, 1001), true, "it is new");
});
