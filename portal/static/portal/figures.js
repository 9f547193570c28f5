// Display strings: ages, times of day, tones and exact sums. Pure.

export const UNKNOWN = "—";

/** "up", "down" or "" for a figure that carries its sign, such as "+1,250.00" or "-37.50". */
export function tone(text) {
  if (/^\+.*[1-9]/.test(text)) return "up";
  if (/^[-−].*[1-9]/.test(text)) return "down";
  return "";
}

/** The age of something `milliseconds` old, in words: "0.8 s ago", "34 s ago", "5 min ago", "3 h ago". */
export function age(milliseconds) {
  if (!Number.isFinite(milliseconds)) return "";
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s ago`;
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3600)} h ago`;
}

/** Seconds still to wait as minutes and seconds, "0:15" or "59:03". */
export function remaining(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** An ISO 8601 time as this browser's time of day, "14:03:22"; what is not a time comes back as it is. */
export function timeOfDay(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return at.toLocaleTimeString([], { hour12: false, hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

/** An ISO 8601 time as this browser's date and time, "2026-11-21 14:03"; what is not a time comes back as it is. */
export function dateAndTime(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const [year, month, day] = [at.getFullYear(), at.getMonth() + 1, at.getDate()];
  const date = [year, String(month).padStart(2, "0"), String(day).padStart(2, "0")].join("-");
  return `${date} ${timeOfDay(iso).slice(0, 5)}`;
}

/**
 * The exact sum of amounts such as "102,345.00" and "-37.50", as text with separators; unknown when one is unknown or
 * when there is none. With `signed`, a gain carries a plus.
 */
export function sum(amounts, { signed = false } = {}) {
  if (amounts.length === 0) return UNKNOWN;
  let cents = 0n;
  for (const amount of amounts) {
    const digits = /^([+-]?)([\d,]+)\.(\d\d)$/.exec(amount);
    if (!digits) return UNKNOWN;
    const value = BigInt(digits[2].replaceAll(",", "") + digits[3]);
    cents += digits[1] === "-" ? -value : value;
  }
  const absolute = String(cents < 0n ? -cents : cents).padStart(3, "0");
  const dollars = absolute.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ",");
  const sign = cents < 0n ? "-" : signed && cents > 0n ? "+" : "";
  return `${sign}${dollars}.${absolute.slice(-2)}`;
}

/** -1, 0 or 1: how a displayed figure moved; 0 when one of the two is no figure. */
export function direction(before, after) {
  const [a, b] = [before, after].map((text) => Number(String(text).replaceAll(",", "")));
  return Number.isNaN(a) || Number.isNaN(b) ? 0 : Math.sign(b - a);
}
