// The desk's state and how frames change it. Pure: no document, no socket, no clock.
//
// Frames (trading/sync/stream.py): {"t":"snapshot",epoch,seq,rows} and {"t":"delta",epoch,seq,at,rows,gone}, which with
// `after` is several in one, the first of them after that number (trading/sync/joined.py); beside these, of intents, {"t":"intents",rows} with all of now and {"t":"intent",key,row} with news of one.

/** @returns {{epoch: string|null, seq: number, rows: Map<string, object>, waiting: boolean}} waiting: for a snapshot */
export function emptyState() {
  return { epoch: null, seq: 0, rows: new Map(), waiting: true };
}

/**
 * Applies a frame to `state` and says what changed.
 *
 * @returns {{changed: string[], added: string[], gone: string[], fresh: boolean, gap: boolean, quiet?: boolean}} added: those of the
 *   changed that were not there before; fresh: all rows were replaced; gap: events were missed, nothing was applied and
 *   a snapshot must be asked for (said once until it comes); quiet: it only catches up
 */
export function applyFrame(state, frame) {
  const nothing = { changed: [], added: [], gone: [], fresh: false, gap: false };
  if (frame.t === "snapshot") return applySnapshot(state, frame);
  if (frame.t === "intents") return applyIntents(state, frame.rows);
  if (frame.t === "intent") return applyIntent(state, frame.key, frame.row);
  if (frame.t !== "delta" || state.waiting) return nothing;
  if (frame.epoch === state.epoch && frame.seq <= state.seq) return nothing; // seen already
  if (frame.epoch !== state.epoch || (frame.after ?? frame.seq - 1) > state.seq) {
    state.waiting = true;
    return { ...nothing, gap: true };
  }
  state.seq = frame.seq;
  const changed = Object.keys(frame.rows ?? {});
  const added = changed.filter((key) => !state.rows.has(key));
  for (const key of changed) state.rows.set(key, frame.rows[key]);
  const gone = (frame.gone ?? []).filter((key) => state.rows.delete(key));
  return { changed, added, gone, fresh: false, gap: false };
}

function applySnapshot(state, frame) {
  const before = state.rows;
  state.rows = new Map(Object.entries(frame.rows ?? {}));
  // Intents are told by themselves, and those that are known hold until then.
  for (const [key, row] of before) if (kindOf(key) === "intent") state.rows.set(key, row);
  state.epoch = frame.epoch;
  state.seq = frame.seq;
  state.waiting = false;
  const changed = [...state.rows.keys()].filter((key) => kindOf(key) !== "intent");
  const added = changed.filter((key) => !before.has(key));
  const gone = [...before.keys()].filter((key) => !state.rows.has(key));
  return { changed, added, gone, fresh: true, gap: false };
}

/** All intents of now: what is not among them is of another day, and clear. */
function applyIntents(state, rows) {
  const gone = [...state.rows.keys()].filter((key) => kindOf(key) === "intent" && !(key in rows));
  for (const key of gone) state.rows.delete(key);
  const results = Object.entries(rows).map(([key, row]) => applyIntent(state, key, row));
  const changed = results.flatMap((result) => result.changed);
  // They were there before this page knew them: nothing that has just happened.
  return { changed, added: [], gone, fresh: false, gap: false, quiet: true };
}

/** Take in rows of intents by key, such as an answer brings; returns the keys of those that were news. */
export function applyIntentRows(state, rows) {
  return Object.entries(rows ?? {}).flatMap(([key, row]) => applyIntent(state, key, row).changed);
}

/** News of intents may come in any order: the greater version is newer. What its account is called, and what may be decided about a leg, has none. */
function applyIntent(state, key, row) {
  const known = state.rows.get(key);
  const newer = known ? Number(row.version) - Number(known.version) : 1;
  const isNews = newer > 0 || (newer === 0 && JSON.stringify(row) !== JSON.stringify(known));
  if (isNews) state.rows.set(key, row);
  const changed = isNews ? [key] : [];
  return { changed, added: isNews && !known ? [key] : [], gone: [], fresh: false, gap: false };
}

/** Whether nothing of Tradovate's is known yet: the stream tells of a socket that did not open, too (stream.py). */
export function isWaiting({ epoch, rows }) {
  if (epoch === "") return true;
  for (const key of rows.keys()) if (key !== "upstream" && kindOf(key) !== "intent") return false;
  return rows.get("upstream")?.state !== "up";
}

/** "position" of "position:12". */
export function kindOf(key) {
  return key.slice(0, key.indexOf(":"));
}

const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const byNumber = (a, b) => Number(a) - Number(b);
const newestFirst = (a, b) => (Date.parse(b.at) || 0) - (Date.parse(a.at) || 0) || byNumber(b.id, a.id);

/** How the rows of each kind are ordered; trading/views/desk.py orders the first paint the same way. */
export const ORDER = {
  account: (a, b) => byText(a.name, b.name) || byNumber(a.id, b.id),
  position: (a, b) => byText(a.symbol, b.symbol) || byText(a.account, b.account) || byNumber(a.id, b.id),
  fill: newestFirst,
  order: newestFirst, // of a replay; the desk's are order_table.js's
};

/** How long to wait before the n-th attempt (0, 1, ...) to connect again, in milliseconds; `random` is in [0, 1). */
export function backOff(attempt, random = Math.random()) {
  const longest = Math.min(15_000, 500 * 2 ** attempt);
  return longest * (0.5 + random / 2);
}
