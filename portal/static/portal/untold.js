// Which fills, refusals, lost answers and lost exits a trader has not been told of yet. Pure: no document, no clock.

import { kindOf } from "./state.js";
import { isGone, unprotected } from "./unprotected.js";

const ALARMING = new Set(["rejected", "unknown", "absent"]);
const isAlarming = ({ kind, state }) => ALARMING.has(state) || (kind === "modify" && state === "ineffective");
const MOST = 3; // notices of a kind at a time: more become one
const NAMED = 8; // and that one names so many
const FILLS = { href: "/#fills", text: "Today's fills" };
const REFUSED = { href: "/?orders=ended#orders", text: "Rejected orders" };

/**
 * What has happened is told once, however often it is heard of: by a delta, or by the snapshot that takes the place of
 * what this page has missed. What the first snapshot brings, and the first list of intents, was there before the page.
 */
export class Untold {
  constructor() {
    this.known = new Map(); // key -> state or status as it was last heard
    this.began = new Set(); // "rows" after the first snapshot, "intents" after their first list
    this.refused = new Set(); // ids of orders whose refusal was told, by Tradovate's order or by our intent
    this.strategies = new Set(); // ids of those whose failure was heard of
    this.fills = new Set(); // keys of what waits to be told
    this.refusals = new Set();
    this.alarms = new Set();
    this.gone = new Set();
    this.failed = new Set(); // ids of strategies
  }

  /**
   * Hear of the `changed` keys of `rows`.
   *
   * @param {Map<string, object>} rows all rows of the state
   * @param {string[]} changed
   * @param {{first?: "rows"|"intents"|"", except?: string[]}} how first: this is what the page begins with, if it is the
   *   first of its kind; except: intents (their keys) of which their trader is told elsewhere
   */
  hear(rows, changed, { first = "", except = [] } = {}) {
    const begins = first !== "" && !this.began.has(first);
    // Before the hub has synced the list may lack intents of older days, whose orders are not known yet.
    if (first === "rows" || (first && this.began.has("rows"))) this.began.add(first);
    for (const key of changed) {
      const row = rows.get(key);
      const kind = kindOf(key);
      if (!row) continue;
      if (kind === "order" || kind === "done") this.#hearStrategy(row, begins);
      if (!["fill", "done", "intent"].includes(kind)) continue;
      const state = row.state ?? row.status ?? "";
      const isNews = this.known.has(key) ? this.known.get(key) !== state : !begins;
      this.known.set(key, state);
      if (!isNews) continue;
      if (kind === "fill") this.fills.add(key);
      else if (kind === "done" && state === "Rejected") this.refusals.add(key);
      else if (kind === "done" && isGone(row)) this.gone.add(key);
      else if (kind === "intent" && isAlarming(row)) this.alarms.add(key);
    }
    for (const key of except) {
      const { state, order_id: order } = rows.get(key) ?? {};
      if (this.alarms.delete(key) && state === "rejected" && order) this.refused.add(order);
    }
  }

  /** The orders of a strategy say why it failed; one that was refused says why that was. */
  #hearStrategy({ strategy_id: id, reason, status }, begins) {
    if (!id || !reason || status === "Rejected" || this.strategies.has(id)) return;
    this.strategies.add(id);
    if (!begins) this.failed.add(id);
  }

  /** Whether something waits to be told. */
  get waits() {
    return [this.fills, this.refusals, this.alarms, this.gone, this.failed].some(({ size }) => size > 0);
  }

  /**
   * What is to be told now, which then counts as told: the fills of one order together, many notices as one.
   *
   * @param {Map<string, object>} rows all rows of the state, as they are by now
   * @param {{isSending?: boolean}} now isSending: an answer is on its way, and it may be the one to tell of an intent or
   *   its order that the stream has told of already: these wait
   * @returns {{level: string, text: string, link?: {href: string, text: string}}[]}
   */
  take(rows, { isSending = false } = {}) {
    const fills = together(this.#fillNotices(rows), FILLS);
    this.fills.clear();
    if (isSending) return fills;
    const gone = [...this.gone].map((key) => rows.get(key)).filter(Boolean);
    const exits = gone.length || this.failed.size ? unprotected(rows, gone, [...this.failed], whereOf(rows)) : [];
    const alarms = together([...exits, ...this.#alarmNotices(rows)], REFUSED);
    for (const waiting of [this.refusals, this.alarms, this.gone, this.failed]) waiting.clear();
    return [...fills, ...alarms];
  }

  #fillNotices(rows) {
    const orders = new Map();
    for (const key of [...this.fills].sort(byNumber)) {
      const fill = rows.get(key); // gone by now: busted, or of a day that has ended
      if (fill) orders.set(fill.order_id, [...(orders.get(fill.order_id) ?? []), fill]);
    }
    const where = whereOf(rows);
    return [...orders.values()].map((fills) => ({ level: "success", text: `${wordsOf(fills)}${where(fills[0])}` }));
  }

  #alarmNotices(rows) {
    const notices = [];
    const where = whereOf(rows);
    for (const key of this.alarms) {
      const row = rows.get(key);
      if (!row || !isAlarming(row)) continue; // it has been found
      const isTold = row.state === "rejected" && this.refused.has(row.order_id);
      if (row.state === "rejected" && row.order_id) this.refused.add(row.order_id);
      const link = { href: `/orders/${row.id}/`, text: "Order page" };
      if (!isTold) notices.push({ level: row.level, text: row.words, link });
    }
    for (const key of this.refusals) {
      const row = rows.get(key);
      // An order of ours is told by its intent.
      if (!row || this.refused.has(row.id) || isOurs(row, rows)) continue;
      this.refused.add(row.id);
      const text = `${row.action} ${row.qty} ${row.symbol}${where(row)}: rejected. ${row.reason}`.trim();
      notices.push({ level: "error", text, link: { href: `/orders/tradovate/${row.id}/`, text: "Order page" } });
    }
    return notices;
  }
}

/** "Bought 3 ESZ6 at 5000.25", of the fills of one order; their prices are listed when they differ. */
export function wordsOf(fills) {
  const verb = fills[0].action === "Buy" ? "Bought" : "Sold";
  const qty = fills.reduce((total, fill) => total + Number(fill.qty), 0);
  const prices = [...new Set(fills.map((fill) => fill.price))];
  const at = prices.length > 3 ? `${prices[0]} to ${prices.at(-1)}` : prices.join(", ");
  return `${verb} ${qty} ${fills[0].symbol} at ${at}`;
}

/** Says of a row in which account it is, for a trader of several. */
function whereOf(rows) {
  const accounts = [...rows.keys()].filter((key) => kindOf(key) === "account").length;
  return ({ account }) => (accounts > 1 && account ? ` in ${account}` : "");
}

/** Notices as they are while they are few, else one that names the first of them and links to all. */
function together(notices, link) {
  if (notices.length <= MOST) return notices;
  const named = notices.slice(0, NAMED).map(({ text }) => text);
  const more = notices.length - named.length;
  const text = [...named, ...(more ? [`and ${more} more`] : [])].join(" · ");
  const worst = notices.find(({ level }) => level === "error") ?? notices[0];
  return [{ level: worst.level, text, link }];
}

function isOurs(order, rows) {
  for (const [key, row] of rows) if (kindOf(key) === "intent" && row.order_id === order.id) return true;
  return false;
}

const numberOf = (key) => Number(key.slice(key.indexOf(":") + 1));
const byNumber = (a, b) => numberOf(a) - numberOf(b);
