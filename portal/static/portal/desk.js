// The desk page: tables, totals, the account picker, empty states, the title and what is read out.

import { Acts } from "./acts.js";
import { recall, remember, setHidden, setText } from "./dom.js";
import { sum, tone } from "./figures.js";
import { arrangeParts, watchFolding } from "./layout.js";
import { News } from "./news.js";
import { Editors } from "./editors.js";
import { OrderTable } from "./order_table.js";
import { ofFill } from "./orders.js";
import { nearest, nearness, personal } from "./personal.js";
import { applyIntentRows, isWaiting, kindOf } from "./state.js";
import { findTables, tableFor } from "./tables.js";
import { Ticket } from "./ticket.js";
import { DeskTools, keepGuard, takeEachPressOnce } from "./tools.js";

const SIGNED = new Set(["open_pnl", "day_pnl", "day_net"]);
const TITLE = document.title;

export class Desk {
  /**
   * @param {HTMLElement} root
   * @param {string} connection whose choice of account is remembered
   * @param {object} own the trader's names and limits of accounts (personal.js)
   * @param {import("./chart_choice.js").ChartChoice} choice what the chart shows
   */
  constructor(root, connection, own, choice) {
    this.root = root;
    this.own = own;
    this.tables = findTables();
    this.orders = new OrderTable(root.querySelector('[data-kind="order"]'));
    const fills = this.tables.get("fill");
    fills.dress = (row) => ofFill(row, this.orders.sources);
    this.orders.tell = (orders) => fills.renew(this.state.rows, (row) => orders.has(row.order_id));
    const learn = (rows, told) => this.learn(rows, told);
    this.acts = new Acts(root.querySelector("[data-acts]"), learn);
    const ticket = root.querySelector("[data-ticket]");
    this.ticket = ticket && new Ticket(ticket, this.acts, learn, (symbol) => choice.follow(symbol));
    this.news = new News(() => this.acts.isPressing || this.ticket?.isSending);
    this.chosen = root.querySelector("[data-chosen-account]");
    this.editors = new Editors(root, this.acts, (key) => this.#row(key));
    arrangeParts(root);
    watchFolding(root);
    watchRows(root, choice);
    takeEachPressOnce(root);
    for (const guard of root.querySelectorAll("[data-guard]")) keepGuard(guard);
    const tools = new DeskTools(root, this);
    tools.offer();
    this.picker = root.querySelector("[data-account-picker]");
    this.marks = root.querySelector("[data-marks]");
    this.totals = [...root.querySelectorAll("[data-total]")];
    this.limits = [...root.querySelectorAll("[data-limit]")];
    this.storageKey = `tradeport.account.${connection}`;
    this.wanted = recall(this.storageKey);
    this.picker.value = this.wanted;
    if (this.picker.selectedIndex < 0) this.picker.value = ""; // an account of yesterday
    this.picker.addEventListener("change", () => this.#pick());
    for (const button of root.querySelectorAll("[data-all]")) button.addEventListener("click", () => this.#showAll(button));
    this.#hideOthers();
  }

  /** Show what `applyFrame` changed in `state`; of the intent `told` (its key) the trader is told elsewhere. */
  show(state, { changed, added, gone, fresh, quiet }, told = "") {
    this.state = state;
    const isOrder = (key) => ["order", "done", "intent"].includes(kindOf(key));
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
      if (changed.some(isOrder) || gone.some(isOrder)) this.orders.show(state.rows);
    }
    this.editors.follow();
    this.ticket?.follow(state.rows, changed);
    const waits = isWaiting(state);
    this.root.toggleAttribute("data-waiting", waits);
    if (fresh || changed.includes("upstream")) setText(this.marks, state.rows.get("upstream")?.marks ?? "");
    this.#total();
    // Before the hub has synced there are no rows to begin with.
    this.#tell(changed, fresh && !waits ? "rows" : quiet ? "intents" : "", told);
  }

  /** What the first figures wait for, in words, and for how many seconds they have been waited for. */
  tellStage(words, seconds) {
    setText(this.root.querySelector("[data-stage]"), words);
    setText(this.root.querySelector("[data-stage-age]"), seconds ? `(${seconds} s)` : "");
  }

  /**
   * Take in the rows of intents that an answer brought, before the stream tells them; of `told`, its own one, the
   * answer tells by itself. Returns all rows.
   */
  learn(rows, told) {
    if (!this.state) return new Map();
    const changed = applyIntentRows(this.state, personal(rows, this.own));
    if (changed.length) this.show(this.state, { changed, added: [], gone: [], fresh: false }, told);
    else this.#tell([], "", told);
    return this.state.rows;
  }

  /** Have notices tell what is new, but for what an answer, or the ticket, tells. */
  #tell(changed, first, told) {
    const except = [this.ticket?.tells, told].filter(Boolean);
    this.news.tell(this.state.rows, changed, { first, except });
  }

  /** The row of a table's line as its trader sees it. */
  #row(key) {
    return this.state?.rows.get(key) ?? this.orders.entries.find((entry) => entry.key === key)?.row;
  }

  #listAccounts() {
    const accounts = [...this.state.rows].filter(([key]) => kindOf(key) === "account").map(([, row]) => row);
    if (accounts.length === 0) return; // nothing is known just now: the choice stays
    const chosen = this.picker.value || this.wanted;
    const options = accounts.sort((a, b) => (a.name < b.name ? -1 : 1)).map((row) => new Option(row.name, row.id));
    this.picker.replaceChildren(new Option("All accounts", ""), ...options);
    this.picker.value = accounts.some((row) => row.id === chosen) ? chosen : "";
    this.picker.closest(".field").hidden = accounts.length < 2;
    this.ticket?.offerAccounts(accounts);
  }

  /** The account that everything is about, empty for all. While none is listed it is the one of last time. */
  #choice() {
    return this.picker.options.length > 1 ? this.picker.value : this.wanted;
  }

  #pick() {
    this.wanted = this.picker.value;
    remember(this.storageKey, this.wanted);
    if (!this.state) {
      this.#hideOthers();
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
    this.account = this.chosen.value = this.#choice();
    for (const table of this.tables.values()) {
      for (const row of table.elements.values()) row.hidden = this.account !== "" && row.dataset.account !== this.account;
    }
    for (const row of this.orders.elements.values()) row.hidden = this.account !== "" && row.dataset.account !== this.account;
    const shown = [...this.tables.get("account").elements.values()].filter((row) => !row.hidden);
    this.#sumUp((field) => shown.map((row) => row.querySelector(`[data-field="${field}"]`).textContent));
    this.#sayWhere();
  }

  /** The ticket, and the buttons for many, say which accounts they are about, where there are several. */
  #sayWhere() {
    this.ticket?.follows(this.account, this.picker.value && this.picker.selectedOptions[0].text);
    const where = this.#where();
    for (const button of this.root.querySelectorAll("[data-of-all]")) button.dataset.words = where && `In ${where}.`;
    for (const place of this.root.querySelectorAll("[data-where]")) setText(place, where && ` in ${where}`);
  }

  #where() {
    const { options, value, selectedOptions } = this.picker;
    if (this.account && !value) return "the account that was chosen last"; // while none is told
    if (options.length < 3) return "";
    return this.account ? selectedOptions[0].text : "all accounts";
  }

  #showTables() {
    this.account = this.chosen.value = this.#choice();
    for (const table of this.tables.values()) {
      table.account = this.account;
      table.show(this.state.rows);
    }
    for (const row of this.orders.elements.values()) row.hidden = false;
    this.orders.account = this.account;
    this.orders.show(this.state.rows, true);
    this.#sayWhere();
    this.#count();
    this.root.toggleAttribute("data-one-account", this.account !== "" || this.picker.options.length < 3);
  }

  #count() {
    for (const table of this.tables.values()) {
      const [all, shown] = [table.keys(this.state.rows).length, table.elements.size];
      const panel = table.body.closest(".panel");
      setHidden(panel.querySelector("[data-empty]"), all > 0);
      setHidden(panel.querySelector(".scroll"), all === 0);
      setText(panel.querySelector("[data-count]"), all === 0 ? "" : shown < all ? `newest ${shown} of ${all}` : String(all));
      const more = panel.querySelector("[data-all]");
      if (more) setHidden(more, shown === all);
    }
  }

  #total() {
    const account = this.account;
    const rows = [...this.state.rows].filter(([key, row]) => kindOf(key) === "account" && (!account || row.id === account));
    this.#sumUp((field) => rows.map(([, row]) => row[field]));
    for (const limit of this.limits) showLimit(limit, rows.map(([, row]) => row));
    this.tellTitle();
  }

  /** Show the totals of those accounts of which `amounts` gives a field's figures. */
  #sumUp(amounts) {
    for (const total of this.totals) {
      const field = total.dataset.total;
      const text = sum(amounts(field), { signed: SIGNED.has(field) });
      setText(total, text);
      if (SIGNED.has(field)) total.dataset.tone = tone(text);
    }
  }

  /** The tab tells the open P&L, while that is one of now. */
  tellTitle() {
    const text = this.totals.find(({ dataset }) => dataset.total === "open_pnl").textContent;
    document.title = /\d/.test(text) && !document.body.hasAttribute("data-stale") ? `${text} · ${TITLE}` : TITLE;
  }
}

/** How much may still be lost in the account that is nearest to a limit; nothing where there is none. */
function showLimit(element, accounts) {
  const found = nearest(accounts, element.dataset.limit);
  setHidden(element, found === null);
  if (!found) return;
  const { left, limit, name } = found;
  element.dataset.nearness = nearness(left, limit);
  setText(element.querySelector("[data-limit-left]"), left);
  const parts = [element.dataset.nearness, `of ${limit}`, accounts.length > 1 && `in ${name}`];
  setText(element.querySelector("[data-limit-words]"), parts.filter(Boolean).join(" "));
}

/** A press on a position, or on its symbol's link, shows its contract in the chart. */
function watchRows(root, choice) {
  root.querySelector('[data-rows="position"]').addEventListener("click", (event) => {
    const link = event.target.closest("[data-chart-link]");
    const isOwn = link || !event.target.closest("a, button, input, select, label, .editor");
    if (!isOwn || event.ctrlKey || event.metaKey || event.shiftKey || String(getSelection())) return;
    const row = event.target.closest("[data-row]");
    if (!row) return;
    event.preventDefault();
    choice.follow(row.querySelector('[data-field="symbol"]').textContent);
  });
}
