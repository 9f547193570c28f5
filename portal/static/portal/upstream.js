// The pill in the bar: environment, how the two sockets stand, and how old the last message from Tradovate is.

import { setHidden, setText } from "./dom.js";
import { age } from "./figures.js";

const WORDS = {
  connecting: "connecting",
  up: "streaming",
  silent: "not answering",
  down: "reconnecting",
  evicted: "taken over",
  "signed-out": "signed out",
};
const LOST = "The page lost its connection to Tradeport and is reconnecting. What you see may be out of date.";
// The hub tells within some 3 s that Tradovate was heard, and within some 12 s that it was not (standing.py).
const SILENCE = 15_000;
const NOTICES = {
  silent: "Tradeport's own process that listens to Tradovate does not answer. Figures are as of the last message.",
  down: "Tradovate's stream is down and is being reconnected. Figures are as of the last message.",
  evicted: "Another login took over this Tradovate session.",
  "signed-out": "This connection is signed out of Tradovate.",
};

export class UpstreamPill {
  constructor(root = document.querySelector("[data-upstream]")) {
    this.root = root;
    this.words = root.querySelector("[data-upstream-words]");
    this.age = root.querySelector("[data-upstream-age]");
    this.trips = root.querySelector("[data-trips]");
    this.tripWords = root.querySelector("[data-trip-words]");
    this.toTradovate = ""; // milliseconds
    this.lastMessageAt = Date.parse(root.dataset.lastMessageAt);
    this.newsAt = -Infinity; // by this browser's clock, when a later message than any before was told of
    this.state = root.dataset.state;
    this.hasFigures = false;
    this.link = "up";
    this.waits = false; // for what the hub says, now that the link is back
    this.skew = null; // this browser's clock minus the server's, at its least delayed frame; unknown before the first
    this.#paint();
    setInterval(() => this.#tick(), 500);
  }

  /** The row "upstream" of the stream; `hasFigures`: other rows have come of it, too. */
  row(row, hasFigures = true) {
    const lastMessageAt = Date.parse(row.last_message_at);
    if (lastMessageAt > this.lastMessageAt) this.newsAt = Date.now();
    this.lastMessageAt = lastMessageAt;
    this.state = row.state;
    this.detail = row.detail;
    this.hasFigures = hasFigures;
    this.waits = false;
    this.toTradovate = row.round_trip ?? "";
    this.#paint();
  }

  /** A message to Tradeport and its answer took so many milliseconds. */
  roundTrip(milliseconds) {
    this.toTradeport = String(Math.max(1, Math.round(milliseconds)));
    this.#tellTrips();
  }

  /** A frame left the server at `at` (milliseconds of its clock). */
  heard(at) {
    // A clock that was set, or a sleep, is seen as a jump against the one that only runs.
    const jump = Date.now() - performance.now();
    if (Math.abs(jump - this.jump) > 1000) this.skew = null;
    if (this.skew === null) this.jump = jump;
    const skew = Date.now() - at;
    this.skew = this.skew === null ? skew : Math.min(this.skew, skew);
  }

  /** The browser's own socket is "up" or "down"; `why` replaces the usual words about that. */
  setLink(link, why = LOST) {
    this.waits ||= link !== this.link;
    this.link = link;
    setText(document.querySelector("#link-notice [data-text]"), why);
    this.#paint();
  }

  /** How it stands for whoever looks: a hub that is gone has left its last words behind. */
  get #now() {
    if (this.state === "connecting" && this.hasFigures) return "down";
    const isSilent = this.link === "up" && !this.waits && this.#sinceMessage > SILENCE && Date.now() - this.newsAt > SILENCE;
    return this.state === "up" && isSilent ? "silent" : this.state;
  }

  /** Milliseconds since the last message; NaN while that is not known. */
  get #sinceMessage() {
    return this.skew === null ? NaN : Date.now() - this.skew - this.lastMessageAt;
  }

  #tellTrips() {
    if (this.link === "down" || !this.toTradeport) {
      setText(this.trips, "");
      setText(this.tripWords, "");
      return;
    }
    const onward = this.shown === "up" ? this.toTradovate : "";
    const words = `Round trip: ${this.toTradeport} ms to Tradeport${onward ? `, ${onward} ms from there to Tradovate` : ""}`;
    setText(this.trips, onward ? `${this.toTradeport} + ${onward} ms` : `${this.toTradeport} ms`);
    setText(this.tripWords, words);
    this.trips.title = words;
  }

  #paint() {
    const standing = (this.shown = this.#now);
    const stale = this.link === "down" || ["silent", "evicted", "down", "signed-out"].includes(standing);
    this.root.dataset.state = standing;
    this.root.dataset.link = this.link;
    setText(this.words, this.link === "down" ? "reconnecting" : (WORDS[standing] ?? standing));
    document.body.toggleAttribute("data-stale", stale);
    setHidden(document.querySelector("#link-notice"), this.link !== "down");
    const notice = document.querySelector("#upstream-notice");
    // While the stream goes on, or begins, there is a notice only if the hub has something to say.
    const text = standing === "up" || standing === "connecting" ? this.detail : NOTICES[standing];
    setHidden(notice, !text);
    setHidden(notice.querySelector("[data-reconnect]"), standing !== "evicted");
    // The hub's own words say more where it has any.
    const isBeside = standing === "down" || standing === "silent";
    if (text) setText(notice.querySelector("[data-text]"), isBeside || !this.detail ? text : this.detail);
    if (text) setText(notice.querySelector("[data-detail]"), isBeside ? (this.detail ?? "") : "");
    this.#tellTrips();
    this.#tick();
  }

  #tick() {
    setText(this.age, age(this.#sinceMessage));
    if (this.shown === this.#now) return;
    this.#paint();
    dispatchEvent(new Event("tradeport:stale"));
  }
}
