// The form that begins a Market Replay: its start is told in the trader's zone.

import "./dom.js"; // which chooses the time zone
import { dateAndTime, minutesBehindUtc, zoneName } from "./figures.js";

const form = document.querySelector("[data-replay-form]");
const start = form.querySelector('[name="starts_at"]');

form.querySelector("[data-zone]").textContent = `(${zoneName()})`;
// What the trader wrote stays as it was written.
if (start.dataset.utc) start.value = dateAndTime(start.dataset.utc).replace(" ", "T");
form.addEventListener("submit", () => {
  form.querySelector('[name="utc_offset"]').value = minutesBehindUtc(start.value);
});
