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
    for (const button of root.querySelectorAll("[data-all]")) button.addEventListener("click", () => this.#showAll(button));
    this.#hideOthers();
  }

  /** Show what `applyFrame` changed in `state`. */
  show(state, { changed, added, gone, fresh }) {
    this.state = state;
    const isAccount = (key) => kindOf(key) === "account";
    if (fresh || added.some(isAccount) || gone.some(isAccount)) {
      this.#listAccounts();
      this.#showTables();
    } else {
      for (const key of changed) tableFor(this.tables, key)?.patch(key, state.rows.get(key), state.rows);
      for (const key of gone) tableFor(this.tables, key)?.remove(key);
      // A table with a limit has room for an older row now.
      for (const table of this.tables.values()) {
        if (table.most < Infinity && gone.some((key) => kindOf(key) === table.kind)) table.show(state.rows);
      }
      if (added.length || gone.length) this.#count();
    }
    this.root.toggleAttribute("data-waiting", state.epoch === "");
    if (fresh || changed.includes("upstream")) setText(this.marks, state.rows.get("upstream")?.marks ?? "");
    this.#total();
    if (!fresh) this.#announce(added);
  }

  #listAccounts() {
    const accounts = [...this.state.rows].filter(([key]) => kindOf(key) === "account").map(([, row]) => row);
    const chosen = this.picker.value || this.wanted;
    const options = accounts.sort((a, b) => (a.name < b.name ? -1 : 1)).map((row) => new Option(row.name, row.id));
    this.picker.replaceChildren(new Option("All accounts", ""), ...options);
    this.picker.value = accounts.some((row) => row.id === chosen) ? chosen : "";
    this.picker.closest(".field").hidden = accounts.length < 2;
  }

  #pick() {
    this.wanted = this.picker.value;
    remember(this.storageKey, this.wanted);
    if (!this.state) {
      this.#hideOthers(); // the totals follow with the first snapshot
      return;
    }
    this.#showTables();
    this.#total();
  }

  #showAll(button) {
    const table = this.tables.get(button.dataset.all);
    table.most = Infinity;
    if (this.state) this.#showTables();
  }

  /** At the first paint, before any state is known. */
  #hideOthers() {
    this.account = this.picker.value;
    for (const table of this.tables.values()) {
      for (const row of table.elements.values()) row.hidden = this.account !== "" && row.dataset.account !== this.account;
    }
  }

  #showTables() {
    this.account = this.picker.value;
    for (const table of this.tables.values()) {
      table.account = this.account;
      table.show(this.state.rows);
    }
    this.#count();
    this.root.toggleAttribute("data-one-account", this.account !== "" || this.picker.options.length < 3);
  }

  #count() {
    for (const table of this.tables.values()) {
      const [all, shown] = [table.keys(this.state.rows).length, table.elements.size];
      const panel = table.body.closest(".panel");
      panel.querySelector("[data-empty]").hidden = all > 0;
      panel.querySelector(".scroll").hidden = all === 0;
      setText(panel.querySelector("[data-count]"), all === 0 ? "" : shown < all ? `newest ${shown} of ${all}` : String(all));
      const more = panel.querySelector("[data-all]");
      if (more) more.hidden = shown === all;
    }
  }

  #total() {
    const account = this.account;
    const rows = [...this.state.rows].filter(([key, row]) => kindOf(key) === "account" && (!account || row.id === account));
    for (const total of this.totals) {
      const field = total.dataset.total;
      const text = sum(rows.map(([, row]) => row[field]), { signed: SIGNED.has(field) });
      setText(total, text);
      if (SIGNED.has(field)) total.dataset.tone = tone(text);
      if (field === "open_pnl") document.title = /\d/.test(text) ? `${text} · ${TITLE}` : TITLE;
    }
  }

  #announce(added) {
    for (const key of added.filter((name) => kindOf(name) === "fill")) {
      const fill = this.state.rows.get(key);
      const verb = fill.action === "Buy" ? "Bought" : "Sold";
      announce(`${verb} ${fill.qty} ${fill.symbol} at ${fill.price}`);
    }
  }
}
