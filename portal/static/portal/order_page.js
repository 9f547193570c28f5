// The page of one order: the server draws it anew until it is drawn with what the stream tells of the order, of what was
// asked to change it, and of the orders that hang on it.

import { announce } from "./dom.js";
import { kindOf } from "./state.js";

// Milliseconds before each try: the page is drawn of the journal, to which what the stream tells of orders comes later.
const PAUSES = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000];

export class OrderPage {
  constructor() {
    this.rows = new Map();
    this.isDue = false; // to be drawn once more, whatever it is drawn with by then
    this.told = words();
    document.addEventListener("htmx:afterSwap", () => this.#tell());
  }

  /** Have what the page says anew of its order, and of the terms of now, read out. */
  #tell() {
    const before = this.told;
    this.told = words();
    for (const text of this.told.filter((one) => !before.includes(one))) announce(text);
  }

  /** Show what `applyFrame` changed in `rows`. */
  show(rows, { changed, fresh }) {
    this.rows = rows;
    const page = opened();
    if (!page) return; // it has become another one: the order is not this trader's any more
    // What is new of an order may be a change that was refused: its terms are those that it had.
    const isNews = (key) => isBehind(page, key, rows.get(key)) || (!fresh && orderKey(key, rows.get(key)) in page.drawn);
    const news = changed.filter(isNews);
    if (!news.length) return;
    const orders = news.filter((key) => kindOf(key) !== "intent");
    if (orders.length < news.length) draw(); // an intent is told after it is in the database
    this.isDue ||= orders.length > 0;
    this.#follow(0);
  }

  /** Draw the page until it tells what the rows do, from this one of the tries on. */
  #follow(tries) {
    clearTimeout(this.timer);
    if (tries === PAUSES.length) return;
    this.timer = setTimeout(() => {
      const page = opened();
      const isOld = page && [...this.rows].some(([key, row]) => isBehind(page, key, row));
      if (!isOld && !this.isDue) return;
      this.isDue = false;
      draw();
      this.#follow(tries + 1);
    }, PAUSES[tries]);
  }
}

function words() {
  return [...document.querySelectorAll("[data-intent-page] [data-told]")].map((element) => element.textContent);
}

/** The page with its `order` (Tradovate's id) and what it was `drawn` with (trading/views/order.py), if it is there. */
function opened() {
  const { order, drawn } = document.querySelector("[data-intent-page]")?.dataset ?? {};
  return drawn && { order, drawn: JSON.parse(drawn) };
}

/** Whether a row is of what the page tells, and newer than what it was drawn with. */
function isBehind({ order, drawn }, key, row) {
  if (kindOf(key) === "intent") {
    const isOurs = key in drawn || (row.kind === "modify" && row.target === order);
    const [version, decisions] = drawn[key] ?? [-1];
    return isOurs && (Number(row.version) > version || (Number(row.version) === version && row.decisions !== decisions));
  }
  // The terms of an exit may change with its entry and keep their id.
  const terms = row.version_id && [row.version_id, row.qty, row.price, row.stop].join(" ");
  const was = drawn[orderKey(key, row)];
  return Boolean(terms) && was !== undefined && terms !== was;
}

/** By what `drawn` has the order of a row; empty for another row. */
function orderKey(key, row) {
  return ["order", "done"].includes(kindOf(key)) ? `order:${row.id}` : "";
}

function draw() {
  document.querySelector("[data-intent-page]")?.dispatchEvent(new CustomEvent("order-changed"));
}
