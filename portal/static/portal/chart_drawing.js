// Draws a chart with TradingView's lightweight-charts, in the page's own colours.

import {
  CandlestickSeries,
  createChart,
  createSeriesMarkers,
  HistogramSeries,
  LineSeries,
  LineStyle,
} from "../vendor/lightweight-charts/lightweight-charts.standalone.production.mjs";
import { frameOptions, onTheme, palette } from "./chart_theme.js";
import { zoned } from "./figures.js";

const BUYS = new Set(["Buy", "Long"]);
const MINUTE = 60;

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
    this.chart.subscribeCrosshairMove(({ time }) => on.pointed(time === undefined ? null : time * 1000));
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
        tickMarkFormatter: (time, type) => this.#mark(time, type, withSeconds),
      },
    });
    this.#paint();
  }

  /** Draw all bars anew. */
  setBars(list, decimals) {
    this.list = list;
    this.decimals = decimals;
    this.prices.applyOptions({ priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals } });
    this.prices.setData(list.map((bar) => this.#price(bar)));
    this.volume.setData(list.map((bar) => this.#volume(bar)));
  }

  /** Draw the last bar anew, or a new one after it. */
  update(bar) {
    this.prices.update(this.#price(bar));
    this.volume.update(this.#volume(bar));
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
        time: time / 1000,
        position: side === "Buy" ? "belowBar" : "aboveBar",
        size: 1.4,
        shape: side === "Buy" ? "arrowUp" : "arrowDown",
        color: side === "Buy" ? this.colours.up : this.colours.down,
        text: `${side === "Buy" ? "B" : "S"} ${quantity}`,
      })),
    );
  }

  /** Milliseconds of the first and the last bar that is to be seen; null when there is none. */
  get visible() {
    const range = this.chart.timeScale().getVisibleRange();
    return range && { from: range.from * 1000, to: range.to * 1000 };
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

  #price([time, open, high, low, close]) {
    return this.asLine ? { time: time / 1000, value: close } : { time: time / 1000, open, high, low, close };
  }

  #volume([time, open, , , close, volume]) {
    return { time: time / 1000, value: volume, color: close >= open ? this.colours["up-tint"] : this.colours["down-tint"] };
  }

  #lineColour(line) {
    if (line.kind === "position") return this.colours.accent;
    return BUYS.has(line.side) ? this.colours.up : this.colours.down;
  }

  /** A time in the chosen zone; a day's bar is a date wherever that is. */
  #when(time) {
    const at = new Date(time * 1000);
    const zone = this.isDaily ? { timeZone: "UTC" } : zoned();
    const date = at.toLocaleDateString([], { day: "2-digit", month: "short", ...zone });
    if (this.isDaily) return `${date} ${at.getUTCFullYear()}`;
    return `${date} ${at.toLocaleTimeString([], { hourCycle: "h23", ...zone })}`;
  }

  #mark(time, type, withSeconds) {
    const at = new Date(time * 1000);
    const zone = this.isDaily ? { timeZone: "UTC" } : zoned();
    // 0 year, 1 month, 2 day of the month, 3 time, 4 time with seconds
    if (type === 0) return at.toLocaleDateString([], { year: "numeric", ...zone });
    if (type === 1) return at.toLocaleDateString([], { month: "short", ...zone });
    if (type === 2) return at.toLocaleDateString([], { day: "numeric", month: "short", ...zone });
    const seconds = withSeconds && time % MINUTE ? { second: "2-digit" } : {};
    return at.toLocaleTimeString([], { hourCycle: "h23", hour: "2-digit", minute: "2-digit", ...seconds, ...zone });
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
