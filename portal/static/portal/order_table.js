// The orders panel: three tabs over one table, orders below those they hang on. Which lines there are is orders.js's.

import { recall, remember, setHidden, setText } from "./dom.js";
import { moved, orderEntries, sourcesOf } from "./orders.js";
import { arrange, fillRow, takeAway } from "./tables.js";

const MANY = 500; // orders of a day
const PAUSE = 250; // milliseconds
const TAB = "tradeport.orders";
const EMPTY = {
  working: "Orders that wait in the market are listed here, wherever they were placed.",
  filled: "Orders of today that have filled are listed here.",
  ended: "Orders of today that were rejected, cancelled or expired are listed here, and why.",
};

export class OrderTable {
  constructor(panel) {
    this.panel = panel;
    this.body = panel.querySelector("tbody[data-orders]");
    this.most = Number(this.body.dataset.most);
    this.template = panel.querySelector('template[data-template="order"]');
    this.cut = panel.querySelector("[data-cut]");
    this.tabs = [...panel.querySelectorAll("[data-tab]")];
    this.account = ""; // the only account that is shown, or empty
    this.group = this.tabs.find((tab) => tab.hasAttribute("aria-current"))?.dataset.tab ?? "working";
    // An address that names a tab is a wish of now; else it is the tab of last time.
    const kept = new URLSearchParams(location.search).has("orders") ? "" : recall(TAB);
    if (this.tabs.some((tab) => tab.dataset.tab === kept)) this.group = kept;
    this.elements = new Map([...this.body.querySelectorAll("[data-row]")].map((row) => [row.dataset.row, row]));
    this.shown = new Map(); // the row that each element shows
    this.entries = [];
    this.sources = new Map(); // who asked for an order, by its id
    this.tell = () => {}; // called with the orders (ids) whose source has become another one
    for (const tab of this.tabs) {
      tab.addEventListener("click", (event) => {
        event.preventDefault();
        this.choose(tab.dataset.tab);
      });
    }
  }

  /** Show `rows` (all rows of the state, by key); `fresh` rows do not flash. */
  show(rows, fresh = false) {
    clearTimeout(this.timer);
    // Laying thousands of orders over each other takes a while: they wait for each other.
    if (!fresh && this.entries.length > MANY && Date.now() - this.drawnAt < PAUSE) {
      this.timer = setTimeout(() => this.show(rows), PAUSE);
      return;
    }
    this.drawnAt = Date.now();
    this.entries = orderEntries(rows);
    this.#draw(fresh);
    const before = this.sources;
    this.sources = sourcesOf(this.entries);
    const others = moved(before, this.sources);
    if (others.size) this.tell(others);
  }

  /** Show a tab, now and the next time; while the stream has not told any rows the server paints it. */
  choose(group) {
    remember(TAB, group);
    if (!this.drawnAt) {
      location.assign(this.tabs.find((tab) => tab.dataset.tab === group).href);
      return;
    }
    this.group = group;
    this.#draw(true);
  }

  #draw(fresh) {
    const wanted = this.entries.filter(({ row }) => this.account === "" || row.account_id === this.account);
    for (const tab of this.tabs) {
      const count = wanted.filter(({ row }) => row.group === tab.dataset.tab).length;
      setText(tab.querySelector("[data-tab-count]"), count ? String(count) : "");
      if (tab.dataset.tab === this.group) tab.setAttribute("aria-current", "true");
      else tab.removeAttribute("aria-current");
    }
    const all = wanted.filter(({ row }) => row.group === this.group);
    const listed = all.slice(0, this.most);
    setText(this.cut, listed.length < all.length ? `newest ${listed.length} of ${all.length}` : "");
    const keys = new Set(listed.map(({ key }) => key));
    for (const [key, element] of this.elements) {
      if (keys.has(key)) continue;
      takeAway(element);
      this.elements.delete(key);
      this.shown.delete(key);
    }
    arrange(this.body, listed.map((entry) => this.#element(entry, fresh)));
    setHidden(this.panel.querySelector("[data-empty]"), listed.length > 0);
    setHidden(this.panel.querySelector(".scroll"), listed.length === 0);
    setText(this.panel.querySelector("[data-empty-words]"), EMPTY[this.group]);
  }

  #element({ key, row, depth }, fresh) {
    let element = this.elements.get(key);
    const isNew = !element;
    if (isNew) {
      element = this.template.content.firstElementChild.cloneNode(true);
      element.dataset.row = key;
      this.elements.set(key, element);
      if (!fresh) element.classList.add("arrived");
    }
    element.dataset.depth = depth;
    if (!same(this.shown.get(key), row)) {
      fillRow(element, row, !isNew && !fresh);
      element.dataset.account = row.account_id;
      element.dataset.group = row.group;
      element.dataset.state = row.state ?? "";
      element.dataset.change = row.change;
      element.dataset.decisions = row.decisions ?? "";
      const page = element.querySelector("[data-order-page]");
      page.href = row.intent ? `/orders/${row.intent.split(":")[1]}/` : `/orders/tradovate/${row.id}/`;
      this.shown.set(key, row);
    }
    return element;
  }
}

function same(one, other) {
  return one !== undefined && Object.keys(other).every((name) => one[name] === other[name]);
}
