// Small things that several modules do to the document.

import { dateAndTime, timeOfDay } from "./figures.js";

/** Write text only when it differs, so that nothing is redrawn or read out again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Start a CSS animation class from its beginning. */
export function flash(element, name) {
  element.classList.remove("flash", "flash-up", "flash-down");
  void element.offsetWidth; // the same animation starts again only after a layout
  element.classList.add(name);
}

/** Have assistive technology read `text` out when it is next free. */
export function announce(text) {
  const line = document.createElement("p");
  line.textContent = text;
  const region = document.querySelector("#announcer");
  region.append(line);
  while (region.children.length > 5) region.firstElementChild.remove();
}

/** What localStorage holds under `key`; empty when nothing, or when storage is switched off. */
export function recall(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

/** Keep `value` in localStorage; with storage switched off it holds for this page only. */
export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // nothing to do: the page works without
  }
}

/** Show the `<time data-time>` elements in `root` in this browser's time zone; data-time="full" asks for the date too. */
export function localise(root) {
  for (const element of root.querySelectorAll("time[data-time]")) localTime(element);
}

export function localTime(element) {
  const iso = element.getAttribute("datetime");
  setText(element, element.dataset.time === "full" ? dateAndTime(iso) : timeOfDay(iso));
  element.title = iso;
}
