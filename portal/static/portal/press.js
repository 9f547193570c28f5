// How a press of a button reaches the server: once, with a key, and answered in words.

/** A key that makes one press one wish, however often it arrives (trading/views/press.py). */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const KEPT = 60_000; // milliseconds
// One exchange with Tradovate may take 25 s, and what becomes of it is waited for 10 s: most slow answers come in this.
const PATIENCE = 45_000; // milliseconds
const NO_ANSWER =
  "Tradeport did not answer. It may have got this: press again within a minute and it is still sent only once, or look at your orders.";

/**
 * What pressing a button means: each press is a wish with a key of its own. Only while it is not known what came of one
 * is the next press the same wish, and for a minute: whoever presses later has seen what became of it and wants more.
 */
export class Wish {
  /** @param {() => number} now a clock, in milliseconds */
  constructor(now = Date.now) {
    this.now = now;
    this.#renew();
  }

  get key() {
    if (this.now() - this.lostAt > KEPT) this.#renew();
    return this.kept;
  }

  /** Whether an answer was lost so lately that the next press is the same wish. */
  get isLost() {
    return Number.isFinite(this.lostAt) && this.now() - this.lostAt <= KEPT;
  }

  /** An answer to a press has come, or was lost (`post`). */
  answered({ lost = false }) {
    if (lost) this.lostAt = this.now();
    else this.#renew();
  }

  #renew() {
    this.kept = newKey();
    this.lostAt = Infinity;
  }
}

/**
 * Post `data` to `url`; never throws.
 *
 * @param {{asWords?: boolean}} options asWords: what is no answer of ours is put in words, else it is null
 * @returns {Promise<{level: string, words: string, findings: object[], rows: object, intent: string, key: string,
 *   lost?: boolean}>} lost: no answer came; whether it arrived is not known (Wish)
 */
export async function post(url, data) {
  const lost = (words) => ({ level: "error", words, findings: [], rows: {}, intent: "", key: "", lost: true });
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      body: data,
      headers: { Accept: "application/json" },
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    return lost(NO_ANSWER);
  }
  if (response.type === "opaqueredirect") {
    location.reload(); // signed out meanwhile: the sign-in page comes back here
    return lost("You are signed out.");
  }
  try {
    return await response.json();
  } catch {
    if (response.status === 403) return lost("This page is too old to send anything. Reload it and press again.");
    return lost(NO_ANSWER);
  }
}
