// The desk of a Market Replay: its clock, and tables to look at. Nothing here sends anything.

import { localTime, setText } from "./dom.js";
import { sum, zoneName } from "./figures.js";
import { findTables } from "./tables.js";

export class ReplayDesk {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.tables = findTables();
    this.clock = root.querySelector("[data-clock]");
    this.speed = root.querySelector("[data-speed]");
    this.buttons = [...root.querySelectorAll("[data-speed-button]")];
    this.netLiq = root.querySelector('[data-total="net_liq"]');
    this.waiting = root.querySelector("[data-replay-waiting]");
    setText(root.querySelector("[data-zone]"), `(${zoneName()})`);
  }

  /** Show all of `state`: a replay has few rows. */
  show(state) {
    this.waiting.hidden = state.epoch !== "" && state.rows.has("replay");
    for (const table of this.tables.values()) {
      table.show(state.rows);
      const panel = table.body.closest(".panel");
      panel.querySelector("[data-empty]").hidden = table.elements.size > 0;
      panel.querySelector(".scroll").hidden = table.elements.size === 0;
    }
    const accounts = this.tables.get("account").keys(state.rows).map((key) => state.rows.get(key));
    setText(this.netLiq, sum(accounts.map((row) => row.net_liq)));
    const clock = state.rows.get("replay");
    if (clock) this.#tell(clock);
  }

  #tell({ time, speed }) {
    this.clock.setAttribute("datetime", time);
    localTime(this.clock);
    setText(this.speed, speed === "0" ? "paused" : `${speed} %`);
    for (const button of this.buttons) {
      if (button.value === speed) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }
}
