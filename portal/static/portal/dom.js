// Small things that several modules do to the document.

import { dateAndSeconds, dateAndTime, exactTime, timeOfDay, useZone } from "./figures.js";

/** Under this key the time zone is kept, by its name; empty for the browser's own. */
export const ZONE = "tradeport.zone";

const held = new Map(); // what storage did not take

useZone(recall(ZONE));

/** Write text only when it differs, so that nothing is redrawn or read out again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Show or hide only when that differs: to hide what is hidden costs the browser a look at its style. */
export function setHidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

/** Whether the focus is within `element`, or nowhere else: then it may be moved from there. */
export function hasFocus(element) {
  return document.activeElement === document.body || element.contains(document.activeElement);
}

/** Give the focus to what takes it from nobody who tabs, such as a heading. */
export function focusOn(element) {
  element.tabIndex = -1;
  element.focus({ preventScroll: true });
}

const flashes = new Map(); // the class of each element that is to flash in the next frame

/** Start a CSS animation class from its beginning. */
export function flash(element, name) {
  if (!flashes.size) requestAnimationFrame(startFlashes);
  flashes.set(element, name);
}

function startFlashes() {
  for (const element of flashes.keys()) element.classList.remove("flash", "flash-up", "flash-down");
  void document.body.offsetWidth; // the same animation starts again only after a layout: one for all
  for (const [element, name] of flashes) element.classList.add(name);
  flashes.clear();
}

const unheard = []; // what waits to be read out

/** Have assistive technology read `text` out when it is next free: of what is behind a dialog it reads nothing. */
export function announce(text) {
  unheard.push(text);
  readOut();
}

function readOut() {
  const dialog = document.querySelector("dialog[open]");
  if (dialog) {
    dialog.addEventListener("close", readOut, { once: true });
    return;
  }
  const line = document.createElement("p");
  line.textContent = unheard.splice(0).join(" · ");
  const region = document.querySelector("#announcer");
  region.append(line);
  while (region.children.length > 5) region.firstElementChild.remove();
}

/** What this browser keeps for its person under `key`; empty when nothing. */
export function recall(key) {
  try {
    return held.get(key) ?? localStorage.getItem(personal(key)) ?? "";
  } catch {
    return "";
  }
}

/** Keep `value` in this browser for its person; with storage switched off or full it holds for this page only. */
export function remember(key, value) {
  try {
    localStorage.setItem(personal(key), value);
    held.delete(key);
  } catch {
    held.set(key, value);
  }
}

/** Show what is kept under `key`, with `show`: at once, and again when another tab has kept something else or its page comes back. */
export function follow(key, show) {
  addEventListener("storage", (event) => {
    if (event.key !== personal(key) && event.key !== null) return;
    held.delete(key); // the other tab's choice is the newer one
    show();
  });
  addEventListener("pageshow", show);
  show();
}

/** People who share a browser do not share what they have chosen. */
function personal(key) {
  return `${key} ${document.documentElement.dataset.person}`;
}

/**
 * Show the `<time data-time>` elements in `root` in the chosen time zone; data-time="full" asks for the date too,
 * "whole" for that to the second, "exact" for milliseconds.
 */
export function localise(root) {
  for (const element of root.querySelectorAll("time[data-time]")) localTime(element);
}

export function localTime(element) {
  const iso = element.getAttribute("datetime");
  setText(element, ({ full: dateAndTime, whole: dateAndSeconds, exact: exactTime }[element.dataset.time] ?? timeOfDay)(iso));
  element.title = iso;
}
