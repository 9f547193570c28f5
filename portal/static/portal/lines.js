// The page of an order file: its lines change as the broker answers, its own state when all have been answered.

import { announce, flash, setText } from "./dom.js";

export class FileLines {
  /** @param {HTMLElement} root the element with data-file="<uuid>" and data-state */
  constructor(root) {
    this.root = root;
    this.file = root.dataset.file;
  }

  /** A frame {"t":"line",file,line,state,...} or {"t":"lines",file,lines,state,...}. */
  show(frame) {
    if (frame.file !== this.file) return;
    const isCatchUp = frame.t === "lines";
    for (const line of isCatchUp ? frame.lines : [frame.line]) this.#line(line, !isCatchUp);
    this.#state(frame);
  }

  #line(line, isNews) {
    const row = this.root.querySelector(`[data-line="${Number(line.number)}"]`);
    if (!row || line.version <= Number(row.dataset.version)) return;
    this.#redrawSoon();
    row.dataset.version = line.version;
    row.dataset.state = line.state;
    for (const cell of row.querySelectorAll("[data-field]")) {
      const value = line[cell.dataset.field];
      if (value === undefined || cell.textContent === String(value)) continue;
      cell.textContent = value;
      flash(cell, "flash");
    }
    if (isNews && (line.state === "rejected" || line.state === "unknown")) {
      announce(`Line ${line.number} ${line.state_label}: ${line.reason}`);
    }
  }

  #state(frame) {
    if (frame.state === this.root.dataset.state) return;
    this.root.dataset.state = frame.state;
    for (const element of this.root.querySelectorAll("[data-file-field]")) {
      setText(element, frame[element.dataset.fileField] ?? "");
      if (element.matches(".badge")) element.dataset.state = frame.state;
    }
    announce(`Order file ${frame.state_label}`);
    this.#redrawSoon();
  }

  /** Parts of the page that only the server can draw (buttons, totals) ask for it with hx-trigger="file-changed". */
  #redrawSoon() {
    clearTimeout(this.redraw);
    this.redraw = setTimeout(() => document.body.dispatchEvent(new CustomEvent("file-changed")), 400);
  }
}
