// The table of orders as a trader reads it: who asked for each, and what hangs on what. Pure.
//
// Tradovate's orders and this portal's intents are two views of the same thing; trading/views/order_table.py lays them
// over each other in the same way for the first paint, and tests/portal/order_table.json holds both to one result.

const ORDERS = new Set(["order", "oco", "oso", "bracket", "leg", "liquidate"]);
// What a row may lack that an older hub wrote.
const PLAIN = { reason: "", parent_id: "", oco_id: "", strategy_id: "", source: "" };
const GROUP_OF_STATUS = { Filled: "filled", Completed: "filled", Canceled: "ended", Expired: "ended", Rejected: "ended" };
// After these a change will not take effect any more, and after this one the order can be replaced
// (trading.orders.replace).
const FAILED = new Set(["ineffective", "rejected"]);
const REPLACEABLE = "ineffective";
const DOUBTFUL = new Set(["unknown", "absent"]);

/**
 * All lines, newest first, with what hangs on an order right below it.
 *
 * @param {Map<string, object>} rows all rows of the state
 * @returns {{key: string, row: object, depth: number}[]} row: with `source`, `intent` (its key, or empty),
 *   `link` and `change` (the id of its newest change, where that was taken, came to nothing and the order can be replaced, or empty)
 */
export function orderEntries(rows) {
  const orders = new Map();
  const intents = new Map();
  for (const [key, row] of rows) {
    if (key.startsWith("order:") || key.startsWith("done:")) orders.set(`order:${row.id}`, row);
    else if (key.startsWith("intent:")) intents.set(key, row);
  }
  const origins = new Origins(orders, intents);
  const lines = new Map();
  for (const [key, row] of orders) lines.set(key, ofOrder(row, origins));
  for (const [key, intent] of intents) if (origins.standsAlone(intent)) lines.set(key, ofIntent(key, intent));
  return asTrees(lines);
}

/** Who asked for each of Tradovate's orders, by its id. */
export function sourcesOf(entries) {
  return new Map(entries.filter(({ key }) => key.startsWith("order:")).map(({ row }) => [row.id, row.source]));
}

/** A fill's row with the source of its order, empty while that is not known. */
export function ofFill(row, sources) {
  return { ...row, source: sources.get(row.order_id) ?? "" };
}

/** The orders (ids) whose source is another one by now. */
export function moved(before, sources) {
  return new Set([...sources.keys()].filter((id) => sources.get(id) !== before.get(id)));
}

class Origins {
  constructor(orders, intents) {
    this.orders = orders;
    this.byOrder = new Map();
    this.byStrategy = new Map();
    this.changes = new Map();
    for (const intent of intents.values()) {
      if (intent.kind === "modify" && Number(intent.id) > Number(this.changes.get(intent.target)?.id ?? 0)) {
        this.changes.set(intent.target, intent);
      }
      if (!ORDERS.has(intent.kind)) continue;
      if (intent.order_id) this.byOrder.set(intent.order_id, intent);
      if (intent.strategy_id) this.byStrategy.set(intent.strategy_id, intent);
    }
    this.strategies = new Set([...orders.values()].map((row) => row.strategy_id));
    this.parents = new Set([...orders.values()].map((row) => row.parent_id));
  }

  /** The order's own intent, its strategy's, or that of the order that it hangs on. */
  of(order) {
    return this.byOrder.get(order.id) ?? this.byStrategy.get(order.strategy_id) ?? this.byOrder.get(order.parent_id);
  }

  /** The newest change of a working order, where that came to nothing. */
  failedChange(order) {
    const change = this.changes.get(order.id);
    return !change || !FAILED.has(change.state) || order.status in GROUP_OF_STATUS ? undefined : change;
  }

  /** The id of a failed change whose order can be replaced: only one by itself. Else empty. */
  replaceable(order, change) {
    return change?.state !== REPLACEABLE || linkOf(order) || this.parents.has(order.id) ? "" : change.id;
  }

  /** Whether an intent has a line of its own, because no order shows it. */
  standsAlone(intent) {
    if (!ORDERS.has(intent.kind)) return DOUBTFUL.has(intent.state);
    if (intent.order_id && this.orders.has(`order:${intent.order_id}`)) return false;
    return !intent.strategy_id || !this.strategies.has(intent.strategy_id);
  }
}

// A day may have thousands of orders, and each event draws the table anew: a line is made again only of what is new.
const made = new WeakMap();

function ofOrder(order, origins) {
  const intent = origins.of(order);
  const change = origins.failedChange(order);
  const replaceable = origins.replaceable(order, change);
  const kept = made.get(order);
  if (kept && kept.intent === intent && kept.change === change && kept.line.change === replaceable) return kept.line;
  const line = lineOf({ ...PLAIN, ...order }, intent, change, replaceable);
  made.set(order, { intent, change, line });
  return line;
}

function ofIntent(key, intent) {
  if (!made.has(intent)) made.set(intent, { ...intent, intent: key, link: "", change: "", parent_id: "", oco_id: "" });
  return made.get(intent);
}

function linkOf(order) {
  return order.strategy_id ? "strategy" : order.parent_id ? "exit" : order.oco_id ? "OCO" : "";
}

function lineOf(order, intent, change, replaceable) {
  const own = intent?.order_id === order.id;
  return {
    ...order,
    group: GROUP_OF_STATUS[order.status] ?? "working",
    source: (intent?.source ?? order.source) || "unknown", // it is the text of a link
    intent: intent ? `intent:${intent.id}` : "",
    reason: order.reason || (own ? intent.reason : "") || (change ? `Its change did not take. ${change.reason}`.trim() : ""),
    link: linkOf(order),
    change: replaceable,
  };
}

function asTrees(lines) {
  const below = new Map();
  for (const key of lines.keys()) {
    const head = headOf(key, lines);
    if (!below.has(head)) below.set(head, []);
    if (head !== key) below.get(head).push(key);
  }
  const byId = (a, b) => Number(lines.get(a).id) - Number(lines.get(b).id);
  const heads = [...below.keys()].sort((a, b) => newestFirst(lines.get(a), lines.get(b)));
  const entries = [];
  for (const head of heads) {
    entries.push({ key: head, row: lines.get(head), depth: 0 });
    for (const key of below.get(head).sort(byId)) entries.push({ key, row: lines.get(key), depth: 1 });
  }
  return entries;
}

/** Times of rows are all written alike, in UTC: they sort as text. What is not known comes last. */
function newestFirst(one, other) {
  const [a, b] = [one.at, other.at].map((at) => (at?.startsWith("2") ? at : ""));
  return a < b ? 1 : a > b ? -1 : Number(other.id) - Number(one.id);
}

/** The line below which this one is shown: what it hangs on or the older one of its pair, in the same tab. */
function headOf(key, lines) {
  const row = lines.get(key);
  for (const above of [`order:${row.parent_id}`, `intent:${row.lead ?? ""}`, `order:${row.oco_id}`]) {
    const other = lines.get(above);
    if (other && other.group === row.group && Number(other.id) < Number(row.id)) return headOf(above, lines);
  }
  return key;
}
