// How many of the hour's requests to Tradovate are used: a meter, its figures, and words when look-ups pause.

import { setText } from "./dom.js";

export class RequestGauge {
  constructor(root) {
    this.root = root;
    this.meter = root.querySelector("[data-gauge-meter]");
    this.text = root.querySelector("[data-gauge-text]");
    this.words = document.querySelector("[data-gauge-words]");
  }

  /** Show {used, most, text, state, words} (trading/sync/gauge.py). */
  show(gauge) {
    this.root.hidden = false;
    this.root.dataset.state = gauge.state;
    this.meter.max = Number(gauge.most);
    this.meter.value = Number(gauge.used);
    setText(this.text, gauge.text);
    setText(this.words, gauge.words);
    this.words.hidden = gauge.words === "";
  }
}
