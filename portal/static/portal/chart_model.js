// What a chart draws: bars by time, own orders, positions and fills as lines and markers, and the same in words. Pure.

import { sum, UNKNOWN } from "./figures.js";
import { kindOf } from "./state.js";

const FINISHED = new Set(["Filled", "Canceled", "Cancelled", "Rejected", "Expired", "Completed"]);
const MOST_BARS = 20_000; // a browser that scrolled back so far is not given more

/** The bars of one chart, [milliseconds, open, high, low, close, volume] each, in the order of time. */
export class Bars {
  constructor() {
    this.list = [];
    this.isFirst = false; // nothing is older
  }

  get last() {
    return this.list.at(-1);
  }

  /** Milliseconds of the oldest bar before which more may be asked for; null when there is no more to have. */
  get askBefore() {
    return this.isFirst || !this.list.length || this.list.length >= MOST_BARS ? null : this.list[0][0];
  }

  /** History has come anew: what is older stays where the two meet, else there would be a hole. */
  replace(bars) {
    const meets = bars.length > 0 && this.list.length > 0 && this.last[0] >= bars[0][0];
    const older = meets ? this.list.filter((bar) => bar[0] < bars[0][0]) : [];
    if (!meets) this.isFirst = false;
    this.list = [...older, ...bars];
  }

  /** Older bars have come; `isFirst` when nothing is older than they are. */
  prepend(bars, isFirst) {
    const first = this.list[0]?.[0] ?? Infinity;
    this.list = [...bars.filter((bar) => bar[0] < first), ...this.list];
    this.isFirst = isFirst;
  }

  /** New or changed bars; true when all of them are the last one or newer, so that the rest stands as it is drawn. */
  apply(bars) {
    let isTail = true;
    for (const bar of bars) {
      const at = this.list.length ? indexAt(this.list, bar[0]) : -1;
      if (at < this.list.length - 1) isTail = false;
      if (at >= 0 && this.list[at][0] === bar[0]) this.list[at] = bar;
      else this.list.splice(at + 1, 0, bar);
    }
    return isTail;
  }
}

/** The index of the last bar that begins at or before `time` (milliseconds); -1 when all begin later. */
export function indexAt(list, time) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle][0] <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The rows of a kind that are about `symbol`, and about `account` (its id) unless that is empty. */
function rowsOf(rows, kind, symbol, account) {
  return [...rows]
    .filter(([key, row]) => kindOf(key) === kind && row.symbol === symbol && (!account || row.account_id === account))
    .map(([, row]) => row);
}

/** The symbols that the rows are about: of positions, then orders, then fills. */
export function ownSymbols(rows) {
  const found = ["position", "order", "fill"].flatMap((kind) => [...rows].filter(([key]) => kindOf(key) === kind));
  return [...new Set(found.map(([, row]) => row.symbol).filter((symbol) => symbol && symbol !== UNKNOWN))];
}

/**
 * The lines of working orders and open positions: {kind, price, side, count, title}. Orders of one side and type at one price
 * are one line with their quantity together, and so are positions of one side and average. Of several lines of positions
 * each says whose it is.
 */
export function ownLines(rows, symbol, account) {
  const lines = new Map();
  const add = (kind, priceText, side, quantity, words, gain, account) => {
    const price = Number(priceText);
    if (!Number.isFinite(price) || !Number.isFinite(quantity)) return;
    const key = [kind, price, side, words].join(" ");
    const line = lines.get(key) ?? { kind, price, side, words, quantity: 0, count: 0, gains: [], accounts: new Set() };
    line.quantity += quantity;
    line.count += 1;
    if (gain !== undefined) line.gains.push(gain);
    if (account) line.accounts.add(account);
    lines.set(key, line);
  };
  for (const row of rowsOf(rows, "position", symbol, account)) {
    add("position", row.average, row.side, Number(row.qty), "", row.open_pnl, row.account);
  }
  for (const row of rowsOf(rows, "order", symbol, account)) {
    if (FINISHED.has(row.status)) continue;
    const open = Number(row.qty) - (Number(row.filled) || 0);
    // Until the market has come to its trigger the limit of such an order is not in the book.
    const trigger = [row.stop, row.touch].find((price) => (price ?? UNKNOWN) !== UNKNOWN);
    if (trigger) add("order", trigger, row.action, open, row.price === UNKNOWN ? row.type : `${row.type} trigger`);
    if (row.price !== UNKNOWN) add("order", row.price, row.action, open, trigger ? `${row.type} limit` : row.type);
  }
  const found = [...lines.values()];
  const isAlone = found.filter((line) => line.kind === "position").length < 2;
  return found.map(({ kind, price, side, words, quantity, count, gains, accounts }) => {
    const end = kind === "position" ? sum(gains, { signed: true }) : words;
    const parts = [side, quantity, end === UNKNOWN ? "" : end, isAlone ? "" : [...accounts].join(", ")];
    return { kind, price, side, count, title: parts.filter((part) => part !== "").join(" ") };
  });
}

/** Own fills, oldest first: {time (milliseconds), day (that of a day's bar), side, quantity, price}. */
export function ownFills(rows, symbol, account) {
  return rowsOf(rows, "fill", symbol, account)
    .map((row) => ({
      ...{ time: Date.parse(row.at), day: Date.parse(row.trade_date ?? row.at) },
      ...{ side: row.action, quantity: Number(row.qty), price: Number(row.price) },
    }))
    .filter((fill) => [fill.time, fill.quantity, fill.price].every(Number.isFinite))
    .sort((a, b) => a.time - b.time);
}

/** Markers at the bars in which fills happened, one per bar and side: {time, side, quantity, fills: how many}. */
export function markersOf(fills, list, isDaily = false) {
  const found = new Map();
  for (const fill of fills) {
    const at = indexAt(list, isDaily ? fill.day : fill.time);
    if (at < 0) continue;
    const time = list[at][0];
    const key = `${time} ${fill.side}`;
    const marker = found.get(key) ?? { time, side: fill.side, quantity: 0, fills: 0 };
    marker.quantity += fill.quantity;
    marker.fills += 1;
    found.set(key, marker);
  }
  return [...found.values()].sort((a, b) => a.time - b.time);
}

/** Without market data: own fills as points of a line that ends now, so that own prices have a place to be drawn at. */
export function knownBars(fills, lines, now) {
  const points = new Map(fills.map((fill) => [fill.time, fill.price]));
  const last = fills.at(-1)?.price ?? lines[0]?.price;
  if (last === undefined) return [];
  points.set(Math.max(now, fills.at(-1)?.time ?? 0), last);
  return [...points].sort(([a], [b]) => a - b).map(([time, price]) => [time, price, price, price, price, 0]);
}

/** How many decimals the prices of bars need. */
export function decimalsOf(list) {
  let most = 0;
  for (const bar of list) {
    for (const price of bar.slice(1, 5)) {
      const text = String(price);
      const point = text.indexOf(".");
      if (point >= 0) most = Math.max(most, text.length - point - 1);
    }
  }
  return Math.min(most, 8);
}

/** "+12.50 (+0.18%)" from one price to another. */
export function change(from, to, decimals) {
  const difference = to - from;
  const sign = difference > 0 ? "+" : "";
  const percent = from ? ` (${sign}${((difference / Math.abs(from)) * 100).toFixed(2)}%)` : "";
  return `${sign}${difference.toFixed(decimals)}${percent}`;
}

/** "1 order", "3 orders". */
export function counted(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
