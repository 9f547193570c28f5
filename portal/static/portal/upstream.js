// The pill in the bar: environment, how the two sockets stand, and how old the last message from Tradovate is.

import { setHidden, setText } from "./dom.js";
import { age } from "./figures.js";

const WORDS = {
  connecting: "connecting",
  up: "streaming",
  down: "reconnecting",
  evicted: "taken over",
  "signed-out": "signed out",
};
const LOST = "The page lost its connection to Tradeport and is reconnecting. What you see may be out of date.";
const NOTICES = {
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
    this.state = root.dataset.state;
    this.link = "up";
    this.skew = null; // this browser's clock minus the server's, at its least delayed frame; unknown before the first
    this.#paint();
    setInterval(() => this.#tick(), 500);
  }

  /** The row "upstream" of the stream. */
  row(row) {
    this.state = row.state;
    this.detail = row.detail;
    this.lastMessageAt = Date.parse(row.last_message_at);
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
    this.link = link;
    setText(document.querySelector("#link-notice [data-text]"), why);
    this.#paint();
  }

  #tellTrips() {
    if (this.link === "down" || !this.toTradeport) {
      setText(this.trips, "");
      setText(this.tripWords, "");
      return;
    }
    const onward = this.state === "up" ? this.toTradovate : "";
    const words = `Round trip: ${this.toTradeport} ms to Tradeport${onward ? `, ${onward} ms from there to Tradovate` : ""}`;
    setText(this.trips, onward ? `${this.toTradeport} + ${onward} ms` : `${this.toTradeport} ms`);
    setText(this.tripWords, words);
    this.trips.title = words;
  }

  #paint() {
    const stale = this.link === "down" || this.state === "evicted" || this.state === "down" || this.state === "signed-out";
    this.root.dataset.state = this.state;
    this.root.dataset.link = this.link;
    setText(this.words, this.link === "down" ? "reconnecting" : (WORDS[this.state] ?? this.state));
    document.body.toggleAttribute("data-stale", stale);
    setHidden(document.querySelector("#link-notice"), this.link !== "down");
    const notice = document.querySelector("#upstream-notice");
    // While the stream goes on there is a notice only if the hub has something to say.
    const text = this.state === "up" ? this.detail : NOTICES[this.state];
    setHidden(notice, !text);
    setHidden(notice.querySelector("[data-reconnect]"), this.state !== "evicted");
    // The hub's own words say more where it has any.
    if (text) setText(notice.querySelector("[data-text]"), this.state === "down" || !this.detail ? text : this.detail);
    if (text) setText(notice.querySelector("[data-detail]"), this.state === "down" ? (this.detail ?? "") : "");
    this.#tellTrips();
    this.#tick();
  }

  #tick() {
    setText(this.age, this.skew === null ? "" : age(Date.now() - this.skew - this.lastMessageAt));
  }
}
