// The curve of equity: the points that the page holds as JSON, drawn in the chosen time zone.

import { AreaSeries, createChart } from "../vendor/lightweight-charts/lightweight-charts.standalone.production.mjs";
import { frameOptions, onTheme, palette } from "./chart_theme.js";
import { clockTimes, mark } from "./chart_time.js";
import "./dom.js"; // which chooses the time zone

const canvas = document.querySelector("[data-equity]");
const points = JSON.parse(document.getElementById(canvas.dataset.equity).textContent);
const dollars = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

const chart = createChart(canvas, {
  autoSize: true,
  layout: { attributionLogo: false, fontFamily: getComputedStyle(canvas).fontFamily, fontSize: 12 },
  timeScale: { timeVisible: true, tickMarkFormatter: (time, type) => mark(time, type) },
  handleScroll: { vertTouchDrag: false, mouseWheel: false },
  handleScale: { mouseWheel: false },
  localization: {
    priceFormatter: (worth) => dollars.format(worth),
    timeFormatter: (time) => new Date(time * 1000).toISOString().slice(0, 16).replace("T", " "),
  },
});
const series = chart.addSeries(AreaSeries, { lineWidth: 2 });
const times = clockTimes(points.map(([time]) => time * 1000));
series.setData(points.map(([, worth], at) => ({ time: times[at], value: Number(worth) })));
chart.timeScale().fitContent();
paint();
onTheme(paint);

function paint() {
  const colours = palette();
  chart.applyOptions(frameOptions(colours));
  series.applyOptions({ lineColor: colours.accent, topColor: colours["accent-tint"], bottomColor: colours.panel });
}
