// What a trader calls accounts and how much may be lost in each a day, laid over the stream's rows, which know only
// what Tradovate calls them. trading/views/personal.py does the same for the first paint. Pure.

import { sum, UNKNOWN } from "./figures.js";
import { kindOf } from "./state.js";

/**
 * Rows by key with the trader's own names and limits.
 *
 * @param {Object<string, object>} rows
 * @param {Object<string, {alias: string, daily_loss: string}>} own by Tradovate's id of the account; daily_loss in dollars,
 *   empty for none
 */
export function personal(rows, own) {
  return Object.fromEntries(Object.entries(rows ?? {}).map(([key, row]) => [key, personalRow(key, row, own)]));
}

/** One row with the trader's own names and limits. */
export function personalRow(key, row, own) {
  if (kindOf(key) === "account") {
    const { alias, daily_loss: limit } = own[row.id] ?? {};
    const left = limit ? sum([limit, row.day_pnl]) : UNKNOWN;
    return { ...row, name: alias || row.name, own_loss_limit: limit || UNKNOWN, own_loss_left: left };
  }
  const alias = own[row.account_id]?.alias;
  return alias ? { ...row, account: alias } : row;
}

/**
 * Of accounts that have a limit, the one that is nearest to it: {left, limit, name}; null when none has. What is left is
 * unknown when it is so for one of them.
 *
 * @param {object[]} accounts rows @param {string} what "loss", "own_loss" or "drawdown"
 */
export function nearest(accounts, what) {
  const limited = accounts.filter((row) => (row[`${what}_limit`] ?? UNKNOWN) !== UNKNOWN);
  if (!limited.length) return null;
  const figures = limited.map((row) => [Number(row[`${what}_left`].replaceAll(",", "")), row]);
  const [, row] = figures.find(([left]) => Number.isNaN(left)) ?? figures.sort(([a], [b]) => a - b)[0];
  return { left: row[`${what}_left`], limit: row[`${what}_limit`], name: row.name };
}

/** "", "near" from four fifths of a limit on, or "reached". */
export function nearness(left, limit) {
  const [is, most] = [left, limit].map((text) => Number(text.replaceAll(",", "")));
  if (Number.isNaN(is)) return "";
  return is <= 0 ? "reached" : is <= most / 5 ? "near" : "";
}
