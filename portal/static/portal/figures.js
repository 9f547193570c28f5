// Display strings: ages, times, tones and exact sums. Pure, but for the time zone that a page chooses once.

export const UNKNOWN = "—";

const QUARTER = 15 * 60_000; // clocks are put forward and back at the beginning of one
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
let zone;
let clock, calendar;
const behinds = new Map(); // quarter of an hour -> milliseconds behind UTC
useZone("");

/** Tell all times in the zone of this name ("America/Chicago"), or with "" in this browser's own. */
export function useZone(name) {
  zone = undefined;
  behinds.clear();
  try {
    if (name) zone = new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    // a name that this browser does not know: its own zone
  }
  clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...CLOCK });
  calendar = new Intl.DateTimeFormat("en-GB", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
}

/** The options with which toLocaleString and its like tell times in the chosen zone. */
export function zoned() {
  return { timeZone: zone };
}

/** The chosen zone in words: "your time", "UTC", "Chicago". */
export function zoneName() {
  return zone ? zone.split("/").at(-1).replaceAll("_", " ") : "your time";
}

/**
 * How far the chosen zone is behind UTC, in minutes, when its clocks show `local` ("2026-11-21T14:03", as a
 * datetime-local field has it); now, when that is no time.
 */
export function minutesBehindUtc(local) {
  const shown = Date.parse(`${local}Z`);
  const wanted = Number.isNaN(shown) ? Date.now() : shown;
  // A first guess may lie on the other side of a change of clocks.
  const first = wanted + behind(wanted);
  return behind(first) / 60_000;
}

/** Milliseconds by which the zone's clocks are behind UTC at `time`. */
export function behind(time) {
  const quarter = Math.floor(time / QUARTER) * QUARTER;
  if (!behinds.has(quarter)) {
    behinds.set(quarter, quarter - Date.parse(`${dateOf(new Date(quarter))}T${clock.format(quarter)}Z`));
  }
  return behinds.get(quarter);
}

function dateOf(at) {
  const parts = Object.fromEntries(calendar.formatToParts(at).map(({ type, value }) => [type, value]));
  return `${parts.year}-${parts.month}-${parts.day}`;
}

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

/** An ISO 8601 time as the time of day, "14:03:22"; what is not a time comes back as it is. */
export function timeOfDay(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return clock.format(at);
}

/** An ISO 8601 time as the time of day to the millisecond, "14:03:22.125". */
export function exactTime(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return `${timeOfDay(iso)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** An ISO 8601 time as date and time, "2026-11-21 14:03"; what is not a time comes back as it is. */
export function dateAndTime(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return `${dateOf(at)} ${clock.format(at).slice(0, 5)}`;
}

/** The same to the second, "2026-11-21 14:03:22". */
export function dateAndSeconds(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return `${dateOf(at)} ${clock.format(at)}`;
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
