// The desk page: tables, totals, the account picker, empty states, the title and what is read out.

import { announce, recall, remember, setText } from "./dom.js";
import { sum, tone } from "./figures.js";
import { kindOf } from "./state.js";
import { findTables, tableFor } from "./tables.js";

const SIGNED = new Set(["open_pnl", "day_pnl"]);
const TITLE = document.title;

export class Desk {
  constructor(root, connection) {
    this.root = root;
    this.tables = findTables();
    this.picker = root.querySelector("[data-account-picker]");
    this.marks = root.querySelector("[data-marks]");
    this.totals = [...root.querySelectorAll("[data-total]")];
    this.storageKey = `tradeport.account.${connection}`;
    this.wanted = recall(this.storageKey);
    this.picker.value = this.wanted;
    if (this.picker.selectedIndex < 0) this.picker.value = ""; // an account of yesterday
    this.picker.addEventListener("change", () => this.#pick());
    this.#filter();
  }

  /** Show what `applyFrame` changed in `state`. */
  show(state, { changed, gone, fresh }) {
    for (const key of fresh ? this.#unknown(state) : gone) tableFor(this.tables, key)?.remove(key);
    const arrived = [];
    for (const key of changed) {
      const isNew = tableFor(this.tables, key)?.patch(key, state.rows.get(key), state.rows, { mayFlash: !fresh });
      if (isNew && !fresh) arrived.push(key);
    }
    if (fresh) for (const table of this.tables.values()) table.sort(state.rows);
    const isAccount = (key) => kindOf(key) === "account";
    if (fresh || gone.some(isAccount) || arrived.some(isAccount)) this.#listAccounts(state);
    if (fresh || gone.length || arrived.length) this.#filter();
    this.root.toggleAttribute("data-waiting", state.epoch === "");
    if (fresh || changed.includes("upstream")) setText(this.marks, state.rows.get("upstream")?.marks ?? "");
    this.#total(state);
    this.#announce(state, arrived);
  }

  /** Keys that the page still shows, from its first paint or an earlier epoch, and the state has not. */
  #unknown(state) {
    const shown = [...this.tables.values()].flatMap((table) => [...table.elements.keys()]);
    return shown.filter((key) => !state.rows.has(key));
  }

  #listAccounts(state) {
    const accounts = [...state.rows].filter(([key]) => kindOf(key) === "account").map(([, row]) => row);
    const chosen = this.picker.value || this.wanted;
    const options = accounts.sort((a, b) => (a.name < b.name ? -1 : 1)).map((row) => new Option(row.name, row.id));
    this.picker.replaceChildren(new Option("All accounts", ""), ...options);
    this.picker.value = accounts.some((row) => row.id === chosen) ? chosen : "";
    this.picker.closest(".field").hidden = accounts.length < 2;
  }

  #pick() {
    this.wanted = this.picker.value;
    remember(this.storageKey, this.wanted);
    this.#filter();
    if (this.state) this.#total(this.state);
  }

  #filter() {
    const account = this.picker.value;
    for (const table of this.tables.values()) {
      let shown = 0;
      for (const row of table.elements.values()) {
        row.hidden = account !== "" && row.dataset.account !== account;
        shown += row.hidden ? 0 : 1;
      }
      const panel = table.body.closest(".panel");
      panel.querySelector("[data-empty]").hidden = shown > 0;
      panel.querySelector(".scroll").hidden = shown === 0;
      setText(panel.querySelector("[data-count]"), shown > 0 ? String(shown) : "");
    }
    this.root.toggleAttribute("data-one-account", account !== "" || this.picker.options.length < 3);
  }

  #total(state) {
    this.state = state;
    const account = this.picker.value;
    const rows = [...state.rows].filter(([key, row]) => kindOf(key) === "account" && (!account || row.id === account));
    for (const total of this.totals) {
      const field = total.dataset.total;
      const text = sum(rows.map(([, row]) => row[field]), { signed: SIGNED.has(field) });
      setText(total, text);
      if (SIGNED.has(field)) total.dataset.tone = tone(text);
      if (field === "open_pnl") document.title = /\d/.test(text) ? `${text} · ${TITLE}` : TITLE;
    }
  }

  #announce(state, arrived) {
    for (const key of arrived.filter((name) => kindOf(name) === "fill")) {
      const fill = state.rows.get(key);
      const verb = fill.action === "Buy" ? "Bought" : "Sold";
      announce(`${verb} ${fill.qty} ${fill.symbol} at ${fill.price}`);
    }
  }
}
