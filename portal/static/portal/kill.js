// The banner that says on every page what kill switches stop, and the page of the kill switch itself.

import { announce } from "./dom.js";

const AGAIN = 2_000; // milliseconds after which what was not drawn is asked for again

export class KillBanner {
  constructor() {
    this.root = document.querySelector("#kill-banner");
    this.list = this.root.querySelector("[data-switches]");
    this.page = document.querySelector("[data-kill-page] #thrown");
    this.told = null; // nothing yet: something may have been thrown or released since the server drew the page
    this.#mark();
    const askedAt = new WeakMap(); // what was told when something asked for its part of the page
    this.page?.addEventListener("htmx:beforeRequest", ({ target }) => askedAt.set(target, this.told));
    this.page?.addEventListener("htmx:afterRequest", ({ target, detail }) => {
      if (!target.matches("#thrown, [data-progress]")) return; // what asks every two seconds
      if (!detail.successful) setTimeout(tell, AGAIN, this.page, "switches-changed");
      else if (target === this.page && askedAt.get(target) !== this.told) tell(this.page, "switches-changed");
    });
  }

  /** A frame {"t":"kill","switches":[{id, words, reason, at, progress}]} (trading/sync/kill_banner.py). */
  show({ switches }) {
    const before = this.told;
    if (before && JSON.stringify(switches) === JSON.stringify(before)) return;
    this.told = switches;
    // Whatever is drawn anew is drawn by the server: buttons carry tokens and depend on the sign-in.
    if (before ? standing(switches) !== standing(before) : !this.#shows(switches)) {
      announce(switches.map((one) => one.words).join(" ") || "The kill switch is released.");
      tell(this.page, "switches-changed");
    } else {
      for (const card of this.page?.querySelectorAll("[data-progress]") ?? []) tell(card, "progress-changed");
    }
    this.#draw(switches);
  }

  /** Whether the page of the kill switch, if this is it, was drawn with these. */
  #shows(switches) {
    if (!this.page) return true;
    const drawn = [...this.page.querySelectorAll("[data-switch]")].map(({ dataset }) => dataset.switch);
    return drawn.sort().join() === switches.map(({ id }) => id).sort().join();
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

/** What of the switches is not their progress. */
function standing(switches) {
  return JSON.stringify(switches.map(({ progress: _, ...rest }) => rest));
}

function tell(element, name) {
  element?.dispatchEvent(new CustomEvent(name));
}
