// The page of an order file: its lines and totals change as the broker answers, its own state when all is answered.

import { announce, flash, setText } from "./dom.js";
import { toast } from "./toasts.js";

const UNREAD = 400; // milliseconds after which somebody who presses has seen what a button means now

export class FileLines {
  /** @param {HTMLElement} root the element with data-file="<uuid>", data-state and, once it is a report, data-confirmed */
  constructor(root) {
    this.root = root;
    this.file = root.dataset.file;
    this.summary = root.querySelector("#file-summary");
    this.means = this.#meaning();
    // The second click of a double one may come down on the page that answers the first. On a slow line that is seen
    // long before scripts run.
    this.changedAt = performance.getEntriesByType("paint")[0]?.startTime ?? performance.now();
    this.summary.addEventListener("htmx:afterSwap", () => this.#redrawn());
    this.summary.addEventListener("click", (event) => this.#dropUnread(event), { capture: true });
    // Without an answer the next frame asks again.
    this.summary.addEventListener("htmx:afterRequest", () => (this.asked = ""));
  }

  /** A frame {"t":"line",file,line,state,totals,...} or {"t":"lines",file,lines,state,totals,...}. */
  show(frame) {
    if (frame.file !== this.file) return;
    const isCatchUp = frame.t === "lines";
    for (const line of isCatchUp ? frame.lines : [frame.line]) this.#line(line, !isCatchUp);
    this.#total(frame.totals);
    this.#state(frame);
  }

  #line(line, isNews) {
    const row = this.root.querySelector(`[data-line="${Number(line.number)}"]`);
    if (!row || line.version <= Number(row.dataset.version)) return;
    row.dataset.version = line.version;
    row.dataset.state = line.state;
    for (const cell of row.querySelectorAll("[data-field]")) {
      const value = line[cell.dataset.field];
      if (value === undefined || cell.textContent === String(value)) continue;
      cell.textContent = value;
      flash(cell, "flash");
    }
    if (isNews && ["rejected", "unknown", "absent"].includes(line.state)) {
      announce(`Line ${line.number} ${line.state_label}: ${line.reason}`);
    }
  }

  #total(totals) {
    const facts = this.summary.querySelector("[data-version]");
    if (totals.version <= Number(facts.dataset.version)) return;
    this.totals = totals;
    facts.dataset.version = totals.version;
    for (const fact of facts.querySelectorAll("[data-total]")) setText(fact, totals[fact.dataset.total]);
  }

  /** Which buttons there are depends on the file's state, and their forms carry tokens: only the server draws them. */
  #state({ state, state_label: label, stop_reason: reason }) {
    const drawn = this.summary.firstElementChild.dataset;
    if (state === this.root.dataset.state && state === drawn.state && reason === drawn.stopReason) return;
    if (!("confirmed" in this.root.dataset)) {
      location.reload(); // a preview that was confirmed or put aside on another page: its table has other columns now
      return;
    }
    if (state !== this.root.dataset.state) announce(`Order file ${label}`);
    this.#name(state, label);
    const wanted = `${state} ${reason}`;
    if (wanted === this.asked) return; // the answer is on its way
    this.asked = wanted;
    this.summary.dispatchEvent(new CustomEvent("file-changed"));
  }

  #name(state, label) {
    this.root.dataset.state = state;
    const badge = this.root.querySelector("[data-file-state]");
    badge.dataset.state = state;
    setText(badge, label);
  }

  /** The server has drawn the summary as it was when asked: its state is right, its totals may be older than ours. */
  #redrawn() {
    const { state, stateLabel } = this.summary.firstElementChild.dataset;
    this.#name(state, stateLabel);
    if (this.totals) this.#total(this.totals);
    if (this.means !== this.#meaning()) this.changedAt = performance.now();
    this.means = this.#meaning();
  }

  /** What its buttons do hangs on this. */
  #meaning() {
    const { state, stopReason } = this.summary.firstElementChild.dataset;
    return `${state} ${stopReason}`;
  }

  /** A pointer's click on a button that has just come to mean something else was meant for what stood there before. */
  #dropUnread(event) {
    const button = event.target.closest("button");
    // Stop is meant whatever stood there before: by mistake it costs a press of Resume.
    if (!button || button.matches(".danger")) return;
    // Keys press what has the focus, which a button that is drawn anew has not: their clicks have no detail.
    if (event.detail === 0 || event.timeStamp - this.changedAt >= UNREAD) return;
    event.preventDefault();
    event.stopPropagation();
    toast("warning", "This had just changed: nothing was done. Read it and press again.");
  }
}
