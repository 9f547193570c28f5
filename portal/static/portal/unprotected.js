// What is held without a stop or a target since an exit has ended, or a strategy failed. Pure.

import { kindOf } from "./state.js";

const GONE = new Set(["Canceled", "Expired"]);
const WHOLE = new Set(["Filled", "Completed"]);
// Cancellations that came to nothing.
const FAILED = new Set(["rejected", "ineffective", "absent", "cancelled"]);

/** Whether an order has ended without all of it being traded, and not by a refusal. */
export const isGone = ({ status }) => GONE.has(status);

/**
 * Notices of the positions that have lost exits which hang on other orders, and which their trader has not cancelled.
 * An exit whose contracts the other one of its pair has closed, or whose entry never filled, leaves none behind.
 *
 * @param {Map<string, object>} rows all rows of the state
 * @param {object[]} gone rows of orders that have ended just now (isGone)
 * @param {string[]} failed ids of the strategies that have failed just now
 * @param {(row: object) => string} where says of a row in which account it is
 * @returns {{level: string, text: string, link: {href: string, text: string}}[]}
 */
export function unprotected(rows, gone, failed, where) {
  const orders = new Orders(rows);
  const positions = [...rows].filter(([key]) => kindOf(key) === "position").map(([, row]) => row);
  return positions.flatMap((position) => {
    const closing = position.side === "Long" ? "Sell" : "Buy";
    const exits = gone.filter((row) => row.action === closing && isIn(position, row) && orders.isLoss(row));
    const lost = orders.lost(position, closing, exits);
    const told = new Set(lost.length ? exits.map((row) => row.strategy_id) : []);
    const entries = failed.filter((id) => !told.has(id)).map((id) => orders.entryOf(id));
    const alone = entries.filter((row) => row && row.action !== closing && isIn(position, row));
    return [
      ...(lost.length ? [ofLost(position, lost, exits, orders, where)] : []),
      ...alone.flatMap((entry) => ofFailed(entry, orders.bare(position, closing, Number(entry.filled)), where)),
    ];
  });
}

class Orders {
  constructor(rows) {
    this.rows = rows;
    this.intents = [...rows].filter(([key]) => kindOf(key) === "intent").map(([, row]) => row);
    this.all = [...rows].filter(([key]) => ["order", "done"].includes(kindOf(key))).map(([, row]) => row);
  }

  of(id) {
    return this.rows.get(`order:${id}`) ?? this.rows.get(`done:${id}`);
  }

  /** The first order of a strategy. */
  entryOf(strategy) {
    return this.all.filter((row) => row.strategy_id === strategy).sort((a, b) => Number(a.id) - Number(b.id))[0];
  }

  /** Whether an order that has ended was an exit that hangs on another one, and its trader did not cancel it. */
  isLoss(row) {
    const pair = this.of(row.oco_id);
    // The first that trades of a pair of entries opens what the other one would only have closed by chance.
    if (pair && pair.action !== row.action) return false;
    const hangs = row.parent_id || row.oco_id || (row.strategy_id && this.entryOf(row.strategy_id) !== row);
    return Boolean(hangs) && !this.intents.some((intent) => isCancelled(row, intent));
  }

  /** How many contracts of a position are without a stop, and without a target, for the end of these exits. */
  lost(position, closing, exits) {
    return ["stop", "target"].flatMap((name) => {
      const qty = sum(exits.filter((row) => nameOf(row) === name).map((row) => this.#leaves(row)));
      const left = Math.min(qty, Number(position.qty) - this.#covered(position, closing, name));
      return left > 0 ? [{ name, left }] : [];
    });
  }

  /** How many contracts of a position, of `qty`, have no exit at all. */
  bare(position, closing, qty) {
    const covered = ["stop", "target"].map((name) => this.#covered(position, closing, name));
    return Math.min(qty, Number(position.qty) - Math.max(...covered));
  }

  /** The contracts for which exits of this name work, or that are being closed at the market: those need none. */
  #covered(position, closing, name) {
    const isExit = (row) => row.type === "Market" || nameOf(row) === name;
    const isOne = (row) => row.action === closing && isIn(position, row) && isExit(row);
    // What is suspended waits for an entry.
    const working = this.all.filter((row) => isOne(row) && !isOver(row) && row.status !== "Suspended");
    return sum(working.map(leftOf));
  }

  /** The contracts that an exit would have closed, and that nothing has closed in its place. */
  #leaves(row) {
    const [entry, pair] = [this.of(row.parent_id), this.of(row.oco_id)];
    const opened = entry && !WHOLE.has(entry.status) ? Number(entry.filled) : Infinity;
    return Math.max(0, Math.min(leftOf(row), opened) - tradedBy(pair, row));
  }
}

/** What the other one of a pair has traded of an exit's contracts: those of a strategy become fewer with each. */
function tradedBy(pair, row) {
  if (!pair || (row.strategy_id && !WHOLE.has(pair.status))) return 0;
  // Its fills may come after its status.
  return WHOLE.has(pair.status) ? Math.max(numberOf(pair.qty), numberOf(pair.filled)) : numberOf(pair.filled);
}

/** Whether an intent cancels this order: by itself, or with all that it hangs on. */
function isCancelled(row, { kind, state, target, sweep }) {
  if (kind !== "cancel" || FAILED.has(state)) return false;
  return target === row.id || (Boolean(sweep) && [row.parent_id, row.oco_id].includes(target));
}

function ofLost(position, lost, exits, orders, where) {
  const names = lost.map(({ name }) => name);
  const own = exits.filter((row) => names.includes(nameOf(row)));
  const pair = orders.of(own[0].oco_id);
  const did = own.every(({ status }) => status === "Expired") ? "expired" : `${names.length > 1 ? "were" : "was"} cancelled`;
  const why = names.length === 1 && tradedBy(pair, own[0]) ? `, as the ${nameOf(pair)} has traded` : "";
  const isSame = lost.every(({ left }) => left === lost[0].left);
  const counted = isSame ? [{ left: lost[0].left, name: names.join(" or a ") }] : lost;
  const left = counted.map(({ left, name }) => `${contracts(left)} left without a ${name}`).join(", ");
  const reason = own.find((row) => row.strategy_id && row.reason)?.reason ?? "";
  const text = `The ${names.join(" and the ")} of ${position.symbol}${where(position)} ${did}${why}: ${left}. ${reason}`;
  return { level: names.includes("stop") ? "error" : "warning", text: text.trim(), link: pageOf(own[0]) };
}

function ofFailed(entry, left, where) {
  if (left <= 0) return [];
  const words = `The exits of ${entry.action} ${entry.qty} ${entry.symbol}${where(entry)} failed: ${contracts(left)} left without one.`;
  return [{ level: "error", text: `${words} ${entry.reason}`.trim(), link: pageOf(entry) }];
}

const isIn = (position, row) => row.account_id === position.account_id && row.symbol === position.symbol;
const isOver = ({ status }) => GONE.has(status) || WHOLE.has(status) || status === "Rejected";
const nameOf = ({ type }) => (type.includes("Stop") ? "stop" : "target");
const numberOf = (text) => Number(text) || 0;
const leftOf = (row) => numberOf(row.qty) - numberOf(row.filled);
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const contracts = (count) => (count === 1 ? "1 contract is" : `${count} contracts are`);
const pageOf = ({ id }) => ({ href: `/orders/tradovate/${id}/`, text: "Order page" });
