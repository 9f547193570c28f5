// Which contract and interval a chart shows: what its trader chose last, here or on an earlier visit, else the first
// contract that is the trader's own. It stands before the chart's library has come, so that no wish is lost meanwhile.

import { recall, remember } from "./dom.js";

export class ChartChoice {
  /** @param {HTMLElement} root the chart's panel @param {string} connection whose choice is remembered */
  constructor(root, connection) {
    this.symbolField = root.querySelector("[data-chart-symbol]");
    this.intervalField = root.querySelector("[data-chart-interval]");
    this.known = root.querySelector("[data-chart-symbols]");
    this.storageKey = `tradeport.chart.${connection}`;
    this.listeners = [];
    root.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
    this.symbolField.addEventListener("change", () => this.choose(this.symbolField.value));
    this.intervalField.addEventListener("change", () => this.#take(this.symbol));
    this.#begin();
  }

  /** Call `listener` whenever the choice changes. */
  onChange(listener) {
    this.listeners.push(listener);
  }

  /** Show the contract `symbol`; what cannot be one is told at the field, and nothing stays as it is. */
  choose(symbol) {
    const wanted = symbol.trim().toUpperCase();
    this.symbolField.value = wanted || this.symbol;
    if (wanted && this.symbolField.reportValidity()) this.#take(wanted);
  }

  /** Show a contract that was named elsewhere on the page; what cannot be one changes nothing. */
  follow(symbol) {
    this.symbolField.value = symbol;
    if (symbol && this.symbolField.checkValidity()) this.#take(symbol);
    else this.symbolField.value = this.symbol;
  }

  /** The trader's own contracts: they are suggested, and the first one is shown until something is chosen. */
  offer(symbols) {
    const listed = new Set([...this.known.options].map((option) => option.value));
    this.known.prepend(...symbols.filter((symbol) => !listed.has(symbol)).map((symbol) => new Option("", symbol)));
    const first = this.known.options[0]?.value;
    if (this.symbol || !first || document.activeElement === this.symbolField) return;
    this.symbol = this.symbolField.value = first;
    this.#tell();
  }

  #begin() {
    const [symbol = "", interval] = recall(this.storageKey).split(" ");
    const asked = new URLSearchParams(location.search);
    if (interval && !asked.has("interval")) this.intervalField.value = interval;
    if (this.intervalField.selectedIndex < 0) this.intervalField.value = "5m";
    this.interval = this.intervalField.value;
    this.symbol = symbol;
    // What is in the field already was asked for, or typed before this script ran; typing that goes on ends with a change.
    if (document.activeElement === this.symbolField) return;
    if (this.symbolField.value) this.choose(this.symbolField.value);
    else this.symbolField.value = symbol;
    if (asked.has("symbol")) history.replaceState(null, "", location.pathname);
  }

  #take(symbol) {
    this.symbol = symbol;
    this.interval = this.intervalField.value;
    if (symbol) remember(this.storageKey, `${symbol} ${this.interval}`);
    this.#tell();
  }

  #tell() {
    for (const listener of this.listeners) listener();
  }
}
