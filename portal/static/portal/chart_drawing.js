// Draws a chart with TradingView's lightweight-charts, in the page's own colours.

import {
  CandlestickSeries,
  createChart,
  createSeriesMarkers,
  HistogramSeries,
  LineSeries,
  LineStyle,
} from "../vendor/lightweight-charts/lightweight-charts.standalone.production.mjs";
import { indexAt } from "./chart_model.js";
import { frameOptions, onTheme, palette } from "./chart_theme.js";
import { clockTime, clockTimes, dateWords, mark, timeWords } from "./chart_time.js";

const BUYS = new Set(["Buy", "Long"]);

export class Drawing {
  /** @param on {{edge: () => void, moved: () => void, pointed: (milliseconds: number|null) => void}} */
  constructor(canvas, on) {
    this.canvas = canvas;
    this.lines = [];
    this.own = [];
    this.list = this.drawnMarkers = null;
    this.chart = createChart(canvas, {
      autoSize: true,
      layout: { attributionLogo: false, fontFamily: getComputedStyle(canvas).fontFamily, fontSize: 12 },
      rightPriceScale: { scaleMargins: { top: 0.08, bottom: 0.2 } },
      timeScale: { rightOffset: 8, timeVisible: true },
      // A finger that moves up or down scrolls the page.
      handleScroll: { vertTouchDrag: false },
      crosshair: { mode: 0 },
      localization: { timeFormatter: (time) => this.#when(time) },
    });
    const scale = this.chart.timeScale();
    scale.subscribeVisibleLogicalRangeChange((range) => {
      if (!range) return;
      on.moved();
      if (range.from < 30) on.edge();
    });
    this.chart.subscribeCrosshairMove(({ time, logical }) => on.pointed(time === undefined ? null : this.list[logical][0]));
    onTheme(() => this.#paint());
    this.#paint();
  }

  /** Begin another chart: `asLine` for single prices, `isDaily` for bars of whole days. */
  begin({ asLine, isDaily, withSeconds }) {
    if (this.prices) {
      this.markers.detach();
      this.chart.removeSeries(this.prices);
      this.chart.removeSeries(this.volume);
    }
    this.lines = [];
    this.drawnLines = "";
    this.list = this.drawnMarkers = null;
    this.isDaily = isDaily;
    this.asLine = asLine;
    const options = { autoscaleInfoProvider: (usual) => this.#withOwnPrices(usual()), priceLineStyle: LineStyle.Dotted };
    this.prices = this.chart.addSeries(asLine ? LineSeries : CandlestickSeries, asLine ? { ...options, lineWidth: 2 } : options);
    this.volume = this.chart.addSeries(HistogramSeries, {
      priceScaleId: "volume",
      priceFormat: { type: "volume" },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.86, bottom: 0 } });
    this.markers = createSeriesMarkers(this.prices, []);
    this.chart.applyOptions({
      timeScale: {
        timeVisible: !isDaily,
        secondsVisible: withSeconds,
        tickMarkFormatter: (time, type) => mark(time, type, withSeconds),
      },
    });
    this.#paint();
  }

  /** Draw all bars anew. */
  setBars(list, decimals) {
    this.list = list;
    this.decimals = decimals;
    // A day's bar is a date wherever that is.
    this.times = this.isDaily ? list.map(([time]) => time / 1000) : clockTimes(list.map(([time]) => time));
    this.prices.applyOptions({ priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals } });
    this.prices.setData(list.map((bar, at) => this.#price(bar, this.times[at])));
    this.volume.setData(list.map((bar, at) => this.#volume(bar, this.times[at])));
  }

  /** Draw the last bar of the list anew, or a new one that has come to its end. */
  update(bar) {
    const at = indexAt(this.list, bar[0]);
    this.times[at] ??= this.isDaily ? bar[0] / 1000 : clockTime(bar[0], this.times[at - 1]);
    this.prices.update(this.#price(bar, this.times[at]));
    this.volume.update(this.#volume(bar, this.times[at]));
  }

  /** Own orders and positions as lines (ownLines of chart_model.js). */
  setLines(own) {
    const wanted = JSON.stringify(own);
    if (wanted === this.drawnLines) return;
    this.drawnLines = wanted;
    this.own = own;
    for (const line of this.lines) this.prices.removePriceLine(line);
    this.lines = own.map((line) =>
      this.prices.createPriceLine({
        price: line.price,
        title: line.title,
        color: this.#lineColour(line),
        lineStyle: line.kind === "position" ? LineStyle.Solid : LineStyle.Dashed,
        lineWidth: line.kind === "position" ? 2 : 1,
        axisLabelVisible: true,
      }),
    );
  }

  /** Own fills as arrows (markersOf of chart_model.js). */
  setMarkers(markers) {
    this.drawnMarkers = markers;
    this.markers.setMarkers(
      markers.map(({ time, side, quantity }) => ({
        time: this.times[indexAt(this.list, time)],
        position: side === "Buy" ? "belowBar" : "aboveBar",
        size: 1.4,
        shape: side === "Buy" ? "arrowUp" : "arrowDown",
        color: side === "Buy" ? this.colours.up : this.colours.down,
        text: `${side === "Buy" ? "B" : "S"} ${quantity}`,
      })),
    );
  }

  /** The place in the list of the first bar that is to be seen. */
  get firstVisible() {
    return Math.max(0, Math.ceil(this.chart.timeScale().getVisibleLogicalRange()?.from ?? 0));
  }

  scroll(bars) {
    const scale = this.chart.timeScale();
    scale.scrollToPosition(scale.scrollPosition() + bars, false);
  }

  zoom(factor) {
    const scale = this.chart.timeScale();
    scale.applyOptions({ barSpacing: Math.min(60, Math.max(1, scale.options().barSpacing * factor)) });
  }

  toNow() {
    this.chart.timeScale().scrollToRealTime();
  }

  /** Own prices that are not far off belong into the picture. */
  #withOwnPrices(info) {
    if (!info?.priceRange) return info;
    let { minValue, maxValue } = info.priceRange;
    const reach = (maxValue - minValue) / 2 || Math.abs(maxValue) * 0.002;
    const near = this.own.map((line) => line.price).filter((price) => price > minValue - reach && price < maxValue + reach);
    minValue = Math.min(minValue, ...near);
    maxValue = Math.max(maxValue, ...near);
    return { ...info, priceRange: { minValue, maxValue } };
  }

  #price([, open, high, low, close], time) {
    return this.asLine ? { time, value: close } : { time, open, high, low, close };
  }

  #volume([, open, , , close, volume], time) {
    return { time, value: volume, color: close >= open ? this.colours["up-tint"] : this.colours["down-tint"] };
  }

  #lineColour(line) {
    if (line.kind === "position") return this.colours.accent;
    return BUYS.has(line.side) ? this.colours.up : this.colours.down;
  }

  #when(time) {
    const date = dateWords(time, { day: "2-digit", month: "short" });
    return `${date} ${this.isDaily ? dateWords(time, { year: "numeric" }) : timeWords(time)}`;
  }

  #paint() {
    const colours = (this.colours = palette());
    this.chart.applyOptions(frameOptions(colours));
    if (!this.prices) return;
    // Hollow when it rose, filled when it fell: colour is not the only sign.
    const { up, down, panel, accent, muted } = colours;
    this.prices.applyOptions(
      this.asLine
        ? { color: accent }
        : { priceLineColor: muted, upColor: panel, downColor: down, borderUpColor: up, borderDownColor: down, wickUpColor: up, wickDownColor: down },
    );
    if (this.list) this.setBars(this.list, this.decimals);
    this.drawnLines = "";
    this.setLines(this.own);
    if (this.drawnMarkers) this.setMarkers(this.drawnMarkers);
  }
}
