// The chart panel: a contract's bars from Tradeport's own socket, own orders, positions and fills from the page's state.

import { Drawing } from "./chart_drawing.js";
import { Bars, change, counted, decimalsOf, indexAt, knownBars, markersOf, ownFills, ownLines, ownSymbols } from "./chart_model.js";
import { dayWords } from "./chart_time.js";
import { setText } from "./dom.js";
import { timeOfDay } from "./figures.js";
import { DeskSocket } from "./socket.js";
import { kindOf } from "./state.js";

const LOST = "The chart lost its connection to Tradeport and is reconnecting.";
const TOO_MANY = "You have too many Tradeport charts open: close some and this one goes on.";
const OLDER_PAUSE = 10_000; // milliseconds until older bars that did not come are asked for again
const KEYS = {
  ArrowLeft: (drawing) => drawing.scroll(-10),
  ArrowRight: (drawing) => drawing.scroll(10),
  "+": (drawing) => drawing.zoom(1.25),
  "=": (drawing) => drawing.zoom(1.25),
  "-": (drawing) => drawing.zoom(0.8),
  End: (drawing) => drawing.toNow(),
};

export class DeskChart {
  /** @param {HTMLElement} root the panel with data-chart="/ws/chart/" @param {ChartChoice} choice what it shows */
  constructor(root, choice) {
    this.root = root;
    this.choice = choice;
    this.status = root.querySelector("[data-chart-status]");
    this.words = root.querySelector("[data-chart-words]");
    this.canvas = root.querySelector("[data-chart-canvas]");
    this.accountPicker = document.querySelector("[data-account-picker]");
    this.rows = new Map();
    this.bars = new Bars();
    this.lines = [];
    this.fills = [];
    this.markers = [];
    this.pointed = null;
    this.drawing = new Drawing(this.canvas, {
      edge: () => this.#askOlder(),
      moved: () => this.#say(),
      pointed: (time) => this.#point(time),
    });
    choice.onChange(() => this.#open());
    this.accountPicker?.addEventListener("change", () => this.#drawOwn());
    this.canvas.addEventListener("keydown", (event) => this.#press(event));
    this.#open();
  }

  /** Show what `applyFrame` changed in `state`. */
  show(state, { changed, gone, fresh }) {
    this.rows = state.rows;
    const kinds = new Set([...changed, ...gone].map(kindOf));
    if (fresh || kinds.has("position") || kinds.has("order")) this.choice.offer(ownSymbols(this.rows));
    if (fresh || kinds.has("fill")) this.#drawFills();
    if (fresh || kinds.has("position") || kinds.has("order")) this.#drawLines();
  }

  #open() {
    const { symbol, interval } = this.choice;
    if (!symbol || (symbol === this.symbol && interval === this.interval)) return;
    this.symbol = symbol;
    this.interval = interval;
    this.socket?.close();
    this.bars = new Bars();
    this.state = "loading";
    this.isAsking = false;
    this.#begin();
    this.#tell("");
    const url = new URL(this.root.dataset.chart, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("symbol", this.symbol);
    url.searchParams.set("interval", this.interval);
    this.socket = new DeskSocket(url.href, {
      frame: (frame) => this.#take(frame),
      up: () => {},
      down: (tooMany) => {
        this.isAsking = false;
        this.#tell(tooMany ? TOO_MANY : LOST);
      },
      signedOut: () => {}, // the page's own stream leads to the sign-in
    });
    this.#drawOwn();
  }

  #begin() {
    const isDaily = this.interval === "1D";
    this.isKnownOnly = this.#hasNoBars();
    const asLine = this.interval === "ticks" || this.isKnownOnly;
    this.drawing.begin({ asLine, isDaily: isDaily && !this.isKnownOnly, withSeconds: asLine });
  }

  /** Whether only own prices can be drawn: none are to be had, or none have come yet. */
  #hasNoBars() {
    return this.bars.list.length === 0 && (this.state === "refused" || this.state === "down");
  }

  #take(frame) {
    switch (frame.t) {
      case "status":
        this.state = frame.state;
        this.root.dataset.state = frame.state;
        this.said = frame.words;
        this.#tell(frame.state === "loading" && !this.bars.list.length ? "Loading bars from Tradovate." : frame.words);
        if (this.#hasNoBars()) {
          this.#begin();
          this.#drawOwn();
        }
        break;
      case "history":
        this.bars.replace(frame.bars);
        if (this.isKnownOnly) this.#begin();
        if (!frame.bars.length) this.#tell(`Tradovate has no bars of ${this.symbol} yet.`);
        this.#drawAll();
        break;
      case "older":
        this.#takeOlder(frame);
        break;
      case "bars":
        this.#drawNews(frame.bars);
        break;
    }
  }

  #takeOlder({ bars, first, words }) {
    if (words) {
      this.#tell(words);
      // Not at once: a drawing that asks by being drawn would ask without end.
      setTimeout(() => (this.isAsking = false), OLDER_PAUSE);
      return;
    }
    this.isAsking = false;
    this.bars.prepend(bars, first);
    this.#drawAll();
  }

  #askOlder() {
    const before = this.bars.askBefore;
    if (before === null || this.isAsking || this.state !== "live") return;
    this.isAsking = this.socket.send({ t: "older", before });
  }

  #drawAll() {
    this.decimals = decimalsOf(this.bars.list);
    this.drawing.setBars(this.bars.list, this.decimals);
    this.#drawOwn();
  }

  #drawNews(bars) {
    const before = this.bars.list.length;
    const isTail = this.bars.apply(bars);
    if (before === 0) this.#tell(this.said); // not any more that there are none
    if (!isTail || decimalsOf(bars) > this.decimals) {
      this.#drawAll();
      return;
    }
    for (const bar of bars) this.drawing.update(bar);
    if (this.bars.list.length > before) this.#drawMarkers();
    this.#say();
  }

  #drawOwn() {
    this.#drawFills();
    this.#drawLines();
  }

  #drawLines() {
    if (!this.symbol) return;
    this.lines = ownLines(this.rows, this.symbol, this.accountPicker?.value ?? "");
    this.drawing.setLines(this.lines);
    if (this.isKnownOnly) this.#drawMarkers();
    this.#say();
  }

  #drawFills() {
    if (!this.symbol) return;
    this.fills = ownFills(this.rows, this.symbol, this.accountPicker?.value ?? "");
    this.#drawMarkers();
    this.#say();
  }

  #drawMarkers() {
    let list = this.bars.list;
    if (this.isKnownOnly) {
      list = knownBars(this.fills, this.lines, Date.now());
      this.drawing.setBars(list, decimalsOf(list));
    }
    this.markers = markersOf(this.fills, list, this.interval === "1D" && !this.isKnownOnly);
    this.drawing.setMarkers(this.markers);
  }

  #point(time) {
    this.pointed = time;
    this.#say();
  }

  /** The same in words, for those who do not see the picture and for a look at one bar. */
  #say() {
    const parts = [...this.#priceWords(), ...this.#ownWords()];
    setText(this.words, parts.join(" · "));
  }

  #priceWords() {
    const list = this.bars.list;
    if (!list.length) return [];
    const figure = (price) => price.toFixed(this.decimals);
    const at = this.pointed === null ? -1 : indexAt(list, this.pointed);
    if (at >= 0) {
      const [, open, high, low, close, volume] = list[at];
      return [`O ${figure(open)} H ${figure(high)} L ${figure(low)} C ${figure(close)} Vol ${volume}`];
    }
    const last = list.at(-1)[4];
    const first = list[Math.min(this.drawing.firstVisible, list.length - 1)];
    return [`Last ${figure(last)}`, `${change(first[1], last, this.decimals)} since ${this.#since(first[0])}`];
  }

  #since(time) {
    const now = Date.now();
    if (this.interval === "1D") return dayWords(time, now, { timeZone: "UTC" });
    const clock = timeOfDay(new Date(time).toISOString()).slice(0, 5);
    const [date, today] = [time, now].map((at) => dayWords(at, now));
    return date === today ? clock : `${date} ${clock}`;
  }

  #ownWords() {
    const orders = this.lines.filter((line) => line.kind === "order").reduce((total, line) => total + line.count, 0);
    const drawn = this.markers.reduce((total, marker) => total + marker.fills, 0);
    return [
      ...this.lines.filter((line) => line.kind === "position").map((line) => line.title),
      ...(orders ? [counted(orders, "order")] : []),
      `${counted(drawn, "own fill")} shown`,
    ];
  }

  #tell(words) {
    setText(this.status, words);
    this.status.hidden = words === "";
  }

  #press(event) {
    const act = KEYS[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act(this.drawing);
  }
}
