// The desk's state and how frames change it. Pure: no document, no socket, no clock.
//
// Frames (trading/sync/stream.py): {"t":"snapshot",epoch,seq,rows} and {"t":"delta",epoch,seq,at,rows,gone}.

/** @returns {{epoch: string|null, seq: number, rows: Map<string, object>, waiting: boolean}} waiting: for a snapshot */
export function emptyState() {
  return { epoch: null, seq: 0, rows: new Map(), waiting: true };
}

/**
 * Applies a frame to `state` and says what changed.
 *
 * @returns {{changed: string[], added: string[], gone: string[], fresh: boolean, gap: boolean}} added: those of the
 *   changed that were not there before; fresh: all rows were replaced; gap: events were missed, nothing was applied and
 *   a snapshot must be asked for (said once until it comes)
 */
export function applyFrame(state, frame) {
  const nothing = { changed: [], added: [], gone: [], fresh: false, gap: false };
  if (frame.t === "snapshot") return applySnapshot(state, frame);
  if (frame.t !== "delta" || state.waiting) return nothing;
  if (frame.epoch === state.epoch && frame.seq <= state.seq) return nothing; // seen already
  if (frame.epoch !== state.epoch || frame.seq !== state.seq + 1) {
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
  state.epoch = frame.epoch;
  state.seq = frame.seq;
  state.waiting = false;
  const changed = [...state.rows.keys()];
  const added = changed.filter((key) => !before.has(key));
  const gone = [...before.keys()].filter((key) => !state.rows.has(key));
  return { changed, added, gone, fresh: true, gap: false };
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
  order: newestFirst,
  fill: newestFirst,
};

/** How long to wait before the n-th attempt (0, 1, ...) to connect again, in milliseconds; `random` is in [0, 1). */
export function backOff(attempt, random = Math.random()) {
  const longest = Math.min(15_000, 500 * 2 ** attempt);
  return longest * (0.5 + random / 2);
}
