// Times of the chosen zone as the axis of a chart takes them. Run by tests/portal/test_static.py.

import assert from "node:assert/strict";
import test from "node:test";

import { clockTime, clockTimes, dayWords, mark } from "../../portal/static/portal/chart_time.js";
import { useZone } from "../../portal/static/portal/figures.js";

const HOUR = 3_600_000;
const seconds = (local) => Date.parse(`${local}Z`) / 1000;

test.afterEach(() => useZone(""));

test("midnight of the chosen zone is midnight on the axis, on both sides of UTC", () => {
  for (const [zone, utc] of [["America/Chicago", "2026-11-21T06:00Z"], ["Asia/Kolkata", "2026-11-20T18:30Z"]]) {
    useZone(zone);
    assert.equal(clockTime(Date.parse(utc)), seconds("2026-11-21T00:00"));
  }
});

test("times ascend through the hour that comes twice, and are right again after it", () => {
  useZone("America/Chicago");
  const begin = Date.parse("2026-11-01T05:30Z");
  const times = Array.from({ length: 16 }, (_, quarter) => begin + (quarter * HOUR) / 4);
  const shown = clockTimes(times);
  for (let at = 1; at < shown.length; at += 1) assert.ok(shown[at] > shown[at - 1]);
  assert.deepEqual(shown.slice(0, 3), ["00:30", "00:45", "01:00"].map((time) => seconds(`2026-11-01T${time}`)));
  assert.deepEqual(shown.slice(-2), ["03:00", "03:15"].map((time) => seconds(`2026-11-01T${time}`)));
});

test("a mark says what the zone's calendar and clocks do", () => {
  useZone("America/Chicago");
  const time = clockTime(Date.parse("2026-12-01T05:59:30Z"));
  assert.match(mark(time, 0), /2026/);
  assert.match(mark(time, 1), /Nov|11/);
  assert.match(mark(time, 2), /30/);
  assert.equal(mark(time, 3), "23:59");
  assert.equal(mark(time, 4, true), "23:59:30");
});

test("a day of another year says its year, by the zone's calendar", () => {
  useZone("America/Chicago");
  const [march, now] = ["2027-03-03T12:00Z", "2027-11-29T12:00Z"].map(Date.parse);
  assert.doesNotMatch(dayWords(march, now), /2027/);
  assert.match(dayWords(march - 365 * 24 * HOUR, now), /2026/);
  const newYear = Date.parse("2027-01-01T00:00Z");
  assert.match(dayWords(newYear, now), /31.*2026|2026.*31/);
  assert.doesNotMatch(dayWords(newYear, now, { timeZone: "UTC" }), /2026|31/);
});
