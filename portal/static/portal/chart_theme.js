// The page's own colours, as a canvas takes them, and how charts look in them.

const TOKENS = ["panel", "muted", "line", "line-strong", "up", "down", "accent", "up-tint", "down-tint", "accent-tint"];

/** The tokens of tradeport.css as rgb(), in the theme of now. */
export function palette() {
  const probe = document.createElement("span");
  document.body.append(probe);
  const found = TOKENS.map((token) => {
    probe.style.color = `var(--${token})`;
    return [token, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(found);
}

/** The options of lightweight-charts that every chart shares. */
export function frameOptions(colours) {
  const cross = { color: colours["line-strong"], labelBackgroundColor: colours.accent };
  return {
    layout: { background: { type: "solid", color: colours.panel }, textColor: colours.muted },
    grid: { vertLines: { color: colours.line }, horzLines: { color: colours.line } },
    rightPriceScale: { borderColor: colours.line },
    timeScale: { borderColor: colours.line },
    crosshair: { vertLine: cross, horzLine: cross },
  };
}

/** Call `paint` whenever the theme changes. */
export function onTheme(paint) {
  new MutationObserver(paint).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
}
