// The page of one order: the server draws it anew when there is news of it, of a change, or of an order that hangs on it.

import { kindOf } from "./state.js";

const JOURNALLED = 1_000; // milliseconds in which what the stream tells is in the journal, of which the page is drawn

export class OrderPage {
  constructor() {
    this.drawn = new Map(); // the rows, as text, of its orders and of what was asked to change them
  }

  /** Show what `applyFrame` changed in `rows`. */
  show(rows, result) {
    const page = document.querySelector("[data-intent-page]");
    if (!page) return; // it has become another one: the order is not this trader's any more
    const parts = [page, ...page.querySelectorAll("[data-leg]")];
    if (this.#hasNewTerms(parts, rows, result)) {
      clearTimeout(this.timer);
      this.timer = setTimeout(draw, JOURNALLED);
    }
    if (parts.filter((part) => isOld(part, rows)).length) draw();
  }

  #hasNewTerms(parts, rows, { changed, fresh, quiet }) {
    const orders = new Set(parts.map(({ dataset }) => dataset.order).filter(Boolean));
    let hasNews = false;
    for (const key of changed) {
      const row = rows.get(key);
      const [name, order] = { intent: [key, row.target], order: [row.id, row.id], done: [row.id, row.id] }[kindOf(key)] ?? [];
      if (!orders.has(order)) continue;
      const text = JSON.stringify(row);
      hasNews ||= this.drawn.has(name) ? this.drawn.get(name) !== text : !fresh && !quiet;
      this.drawn.set(name, text);
    }
    return hasNews;
  }
}

/** Whether an intent is newer than its part of the page, which is taken for drawn then. */
function isOld(part, rows) {
  const row = rows.get(part.dataset.intentPage ?? part.dataset.leg);
  if (!row || Number(row.version) <= Number(part.dataset.version)) return false;
  part.dataset.version = row.version;
  return true;
}

function draw() {
  document.querySelector("[data-intent-page]")?.dispatchEvent(new CustomEvent("order-changed"));
}
