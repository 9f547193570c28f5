// The banner that says on every page what kill switches stop, and the page of the kill switch itself.

import { announce } from "./dom.js";

export class KillBanner {
  constructor() {
    this.root = document.querySelector("#kill-banner");
    this.list = this.root.querySelector("[data-switches]");
    this.page = document.querySelector("[data-kill-page] #thrown");
    this.told = ""; // nothing yet: what the server drew is a frame's word away from being known
    this.#mark();
  }

  /** A frame {"t":"kill","switches":[{id, words, reason, at, progress}]} (trading/sync/kill_banner.py). */
  show({ switches }) {
    const told = JSON.stringify(switches);
    if (told === this.told) return;
    const isNews = this.told !== "";
    this.told = told;
    this.#draw(switches);
    if (isNews) announce(switches.map((one) => one.words).join(" ") || "The kill switch is released.");
    // Its buttons carry tokens and depend on the sign-in: only the server draws them.
    if (isNews) this.page?.dispatchEvent(new CustomEvent("switches-changed"));
  }

  #draw(switches) {
    const items = switches.map(({ words, reason }) => {
      const item = document.createElement("li");
      const said = document.createElement("strong");
      said.textContent = words;
      item.append(said, reason ? ` ${reason}` : "");
      return item;
    });
    this.list.replaceChildren(...items);
    this.root.hidden = switches.length === 0;
    this.#mark();
  }

  #mark() {
    document.body.toggleAttribute("data-trading-stopped", !this.root.hidden);
  }
}
