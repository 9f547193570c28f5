// How a press of a button reaches the server: once, with a key, and answered in words.

/** A key that makes one press one wish, however often it arrives (trading/views/press.py). */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const NO_ANSWER =
  "Tradeport did not answer. It may have got this: press again and it is still sent only once, or look at your orders.";

/**
 * Post `data` to `url`; never throws.
 *
 * @param {{asWords?: boolean}} options asWords: what is no answer of ours is put in words, else it is null
 * @returns {Promise<{level: string, words: string, findings: object[], rows: object, intent: string, key: string,
 *   lost?: boolean}>} lost: no answer came; whether it arrived is not known, and the same key must be used again
 */
export async function post(url, data) {
  const lost = (words) => ({ level: "error", words, findings: [], rows: {}, intent: "", key: "", lost: true });
  let response;
  try {
    response = await fetch(url, { method: "POST", body: data, headers: { Accept: "application/json" }, redirect: "manual" });
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
