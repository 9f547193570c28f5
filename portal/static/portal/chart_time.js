// Times as lightweight-charts takes them. It weighs the marks of an axis by the dates of UTC, so it is given what the
// clocks of the chosen zone show as if that were UTC. Pure.

import { behind, zoned } from "./figures.js";

const MINUTE = 60;
const STEP = 0.001; // seconds

/** Seconds that the zone's clocks show at `time` (milliseconds); later than `previous`, also in an hour that comes twice. */
export function clockTime(time, previous = -Infinity) {
  return Math.max((time - behind(time)) / 1000, previous + STEP);
}

/** The same of several times in their order. */
export function clockTimes(times) {
  let previous;
  return times.map((time) => (previous = clockTime(time, previous)));
}

/** The words of a mark of the axis. `type`: 0 year, 1 month, 2 day of the month, 3 and 4 a time of day. */
export function mark(time, type, withSeconds = false) {
  if (type === 0) return dateWords(time, { year: "numeric" });
  if (type === 1) return dateWords(time, { month: "short" });
  if (type === 2) return dateWords(time, { day: "numeric", month: "short" });
  const seconds = withSeconds && time % MINUTE ? { second: "2-digit" } : {};
  return timeWords(time, { hour: "2-digit", minute: "2-digit", ...seconds });
}

/** The day of `time` (milliseconds) in words, with its year when that is not the year of `now`. */
export function dayWords(time, now, zone = zoned()) {
  const told = (at, options) => new Date(at).toLocaleDateString([], { ...options, ...zone });
  const year = { year: "numeric" };
  return told(time, { day: "numeric", month: "short", ...(told(time, year) === told(now, year) ? {} : year) });
}

/** A date as the zone's calendar has it. */
export function dateWords(time, options) {
  return new Date(time * 1000).toLocaleDateString([], { ...options, timeZone: "UTC" });
}

/** A time of day as the zone's clocks show it. */
export function timeWords(time, options) {
  return new Date(time * 1000).toLocaleTimeString([], { hourCycle: "h23", ...options, timeZone: "UTC" });
}
