// The curve of equity: the points that the page holds as JSON, drawn in the chosen time zone.

import { AreaSeries, createChart } from "../vendor/lightweight-charts/lightweight-charts.standalone.production.mjs";
import { frameOptions, onTheme, palette } from "./chart_theme.js";
import "./dom.js"; // which chooses the time zone
import { dateAndTime, zoned } from "./figures.js";

const canvas = document.querySelector("[data-equity]");
const points = JSON.parse(document.getElementById(canvas.dataset.equity).textContent);
const dollars = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

const chart = createChart(canvas, {
  autoSize: true,
  layout: { attributionLogo: false, fontFamily: getComputedStyle(canvas).fontFamily, fontSize: 12 },
  timeScale: { timeVisible: true, tickMarkFormatter: mark },
  handleScroll: { vertTouchDrag: false, mouseWheel: false },
  handleScale: { mouseWheel: false },
  localization: {
    priceFormatter: (worth) => dollars.format(worth),
    timeFormatter: (time) => dateAndTime(new Date(time * 1000).toISOString()),
  },
});
const series = chart.addSeries(AreaSeries, { lineWidth: 2 });
series.setData(points.map(([time, worth]) => ({ time, value: Number(worth) })));
chart.timeScale().fitContent();
paint();
onTheme(paint);

function mark(time, type) {
  const at = new Date(time * 1000);
  // 0 year, 1 month, 2 day of the month, 3 and 4 a time of day
  if (type === 0) return at.toLocaleDateString([], { year: "numeric", ...zoned() });
  if (type === 1) return at.toLocaleDateString([], { month: "short", ...zoned() });
  if (type === 2) return at.toLocaleDateString([], { day: "numeric", month: "short", ...zoned() });
  return at.toLocaleTimeString([], { hourCycle: "h23", hour: "2-digit", minute: "2-digit", ...zoned() });
}

function paint() {
  const colours = palette();
  chart.applyOptions(frameOptions(colours));
  series.applyOptions({ lineColor: colours.accent, topColor: colours["accent-tint"], bottomColor: colours.panel });
}
