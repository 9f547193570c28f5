// When the page of an order is drawn anew. Run by tests/portal/test_static.py.

import assert from "node:assert/strict";
import test from "node:test";

import { OrderPage } from "../../portal/static/portal/order_page.js";

const HOUR = 3_600_000;
const FIRST = { "intent:12": [4, ""], "order:50": drawn("55") };

/** The row of the order 50 with these terms, and what a page is drawn with of them. */
function order(version_id, qty = "2", price = "5000.25", stop = "—") {
  return { id: "50", version_id, qty, price, stop };
}

function drawn(...terms) {
  const { version_id, qty, price, stop } = order(...terms);
  return `${version_id} ${qty} ${price} ${stop}`;
}

/** A page of the order 50, drawn with `drawn`; each time that it is drawn anew `next` says with what. */
function opened(mock, next = () => FIRST, first = FIRST) {
  mock.timers.enable({ apis: ["setTimeout"] });
  const dataset = { order: "50", drawn: JSON.stringify(first) };
  const shown = { rows: new Map(), draws: 0 };
  const dispatchEvent = () => {
    shown.draws += 1;
    dataset.drawn = JSON.stringify(next(shown.draws));
  };
  globalThis.document = { querySelector: () => ({ dataset, dispatchEvent }), querySelectorAll: () => [], addEventListener() {} };
  shown.page = new OrderPage();
  return shown;
}

function tell({ page, rows }, changes, how = {}) {
  for (const [key, row] of Object.entries(changes)) rows.set(key, row);
  page.show(rows, { changed: Object.keys(changes), ...how });
}

function passes(mock, milliseconds) {
  for (let passed = 0; passed < milliseconds; passed += 500) mock.timers.tick(500);
}

test("terms that changed before the first snapshot are drawn once the journal has them, and then no more", ({ mock }) => {
  const shown = opened(mock, (draws) => (draws < 3 ? FIRST : { ...FIRST, "order:50": drawn("56") }));
  tell(shown, { "order:50": order("56") }, { fresh: true });
  passes(mock, HOUR);
  assert.equal(shown.draws, 3);
});

test("so are terms that changed and kept their id", ({ mock }) => {
  for (const terms of [["55", "3"], ["55", "2", "5000.50"], ["55", "2", "5000.25", "4990"]]) {
    const shown = opened(mock, () => ({ ...FIRST, "order:50": drawn(...terms) }));
    tell(shown, { "order:50": order(...terms) }, { fresh: true });
    passes(mock, HOUR);
    assert.equal(shown.draws, 1);
    mock.timers.reset();
  }
});

test("so are those of an order that is over, and those that were refused meanwhile", ({ mock }) => {
  for (const [key, terms] of [["done:50", "56"], ["order:50", "54"]]) {
    const shown = opened(mock, () => ({ ...FIRST, "order:50": drawn(terms) }));
    tell(shown, { [key]: order(terms) }, { fresh: true });
    passes(mock, HOUR);
    assert.equal(shown.draws, 1);
    mock.timers.reset();
  }
});

test("a journal that never gets there is asked a few times only, whatever else is told", ({ mock }) => {
  const shown = opened(mock);
  tell(shown, { "order:50": order("56") }, { fresh: true });
  for (let minutes = 0; minutes < 60; minutes += 1) {
    tell(shown, { "position:7": { id: "7" }, "order:51": { id: "51", version_id: "90" } });
    passes(mock, 60_000);
  }
  assert.ok(shown.draws > 2 && shown.draws < 10, `${shown.draws}`);
});

test("a snapshot that tells nothing else than the page does, or of no terms in force, draws nothing", ({ mock }) => {
  const shown = opened(mock);
  tell(shown, { "order:50": order("55"), "fill:50": { id: "50" } }, { fresh: true });
  tell(shown, { "order:50": { id: "50", version_id: "" } }, { fresh: true });
  tell(shown, { "order:50": { id: "50" } }, { fresh: true });
  tell(shown, { "intent:12": { id: "12", version: "4", decisions: "" }, "intent:13": { id: "13", version: "9", kind: "modify", target: "51" } }, { quiet: true });
  passes(mock, HOUR);
  assert.equal(shown.draws, 0);
});

test("a change that the page does not know, or not as it is by now, is drawn at once", ({ mock }) => {
  for (const first of [FIRST, { ...FIRST, "intent:61": [2, ""] }]) {
    const shown = opened(mock, () => ({ ...FIRST, "intent:61": [3, ""] }), first);
    tell(shown, { "intent:61": { id: "61", version: "3", decisions: "", kind: "modify", target: "50" } }, { quiet: true });
    assert.equal(shown.draws, 1);
    passes(mock, HOUR);
    assert.equal(shown.draws, 1);
    mock.timers.reset();
  }
});

test("what may be decided about a leg by now is drawn at once, though nothing has become of it", ({ mock }) => {
  const shown = opened(mock, () => ({ ...FIRST, "intent:12": [4, "give-up"] }));
  tell(shown, { "intent:12": { id: "12", version: "3", decisions: "again give-up" } }, { quiet: true });
  assert.equal(shown.draws, 0, "the page knows better");
  tell(shown, { "intent:12": { id: "12", version: "4", decisions: "give-up" } });
  assert.equal(shown.draws, 1);
  passes(mock, HOUR);
  assert.equal(shown.draws, 1);
});

test("news of an order is drawn although its terms are what they were: a change of it was refused", ({ mock }) => {
  const shown = opened(mock);
  tell(shown, { "order:50": order("56") });
  tell(shown, { "order:50": order("55") });
  passes(mock, HOUR);
  assert.equal(shown.draws, 1);
});
