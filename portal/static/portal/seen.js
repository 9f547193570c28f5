// Which orders have come before their trader's eyes, by their own line or by that of a fill: each is told once.

const GATHER = 250; // milliseconds
const AGAIN = 2_000;

/**
 * @param {HTMLElement} root the desk
 * @param {{rows: Map<string, object>}} state
 * @param {(orders: number[]) => boolean} tell takes Tradovate's ids of orders that were seen; false when it could not
 */
export function watchSeen(root, state, tell) {
  const told = new Set();
  const seen = new Set();
  let timer = null;

  function flush() {
    timer = null;
    if (!seen.size || document.visibilityState !== "visible") return;
    if (!tell([...seen])) {
      timer = setTimeout(flush, AGAIN);
      return;
    }
    for (const order of seen) told.add(order);
    seen.clear();
  }

  const eyes = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      eyes.unobserve(entry.target);
      const order = orderOf(entry.target.dataset.row, state.rows);
      if (order && !told.has(order)) seen.add(order);
    }
    if (seen.size && !timer) timer = setTimeout(flush, GATHER);
  });
  const look = (row) => row.dataset?.row && eyes.observe(row);
  const lines = new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach(look)));
  for (const body of root.querySelectorAll('tbody[data-orders], tbody[data-rows="fill"]')) {
    lines.observe(body, { childList: true });
    body.querySelectorAll("[data-row]").forEach(look);
  }
  document.addEventListener("visibilitychange", () => seen.size && flush());
  addEventListener("pagehide", () => seen.size && flush());
}

/** Tradovate's id of the order that a line shows, or of which it shows a fill; 0 for none. Pure. */
export function orderOf(key, rows) {
  if (key?.startsWith("order:")) return Number(key.slice("order:".length));
  return key?.startsWith("fill:") ? Number(rows.get(key)?.order_id ?? 0) : 0;
}
