// The settings page: what is kept in this browser for its person. The theme is look.js's.

import { ASK, askMode, setAskMode } from "./confirm.js";
import { announce, follow, localise, recall, remember, ZONE } from "./dom.js";
import { dateAndTime, useZone, zoneName } from "./figures.js";
import { moveUp, orderOfParts, PARTS } from "./layout.js";
import { setSound, SOUND, soundIsOn } from "./toasts.js";
import { KEYS, keysAreOn, setKeys } from "./tools.js";

const root = document.querySelector("[data-settings]");
const zone = root.querySelector("[data-zone-select]");
const now = root.querySelector("[data-zone-now]");
const others = zone.querySelector("[data-other-zones]");
const listed = new Set([...zone.options].map((option) => option.value));

for (const name of Intl.supportedValuesOf?.("timeZone") ?? []) {
  if (!listed.has(name)) others.append(new Option(name.replaceAll("_", " "), name));
}
zone.value = recall(ZONE);
if (zone.selectedIndex < 0) zone.value = "";
zone.addEventListener("change", () => {
  remember(ZONE, zone.value);
  useZone(zone.value);
  localise(document);
  tellTime();
});
tellTime();
setInterval(tellTime, 10_000);

/** It is told which time it is there, so that a wrong choice is seen at once. */
function tellTime() {
  const text = `In ${zoneName()} it is ${dateAndTime(new Date().toISOString())}.`;
  if (now.textContent !== text) now.textContent = text;
}

const parts = root.querySelector("[data-parts-order]");
drawParts();
parts.addEventListener("click", ({ target }) => {
  const { up } = target.dataset;
  if (!up) return;
  moveUp(up);
  drawParts();
  const at = orderOfParts().indexOf(up);
  parts.querySelector(`[data-up="${orderOfParts()[Math.max(at, 1)]}"]`).focus();
  announce(`${PARTS[up]}: place ${at + 1} of ${parts.children.length}`);
});

function drawParts() {
  const items = orderOfParts().map((name, at) => {
    const item = document.createElement("li");
    const label = document.createElement("span");
    label.textContent = PARTS[name];
    item.append(label);
    if (at > 0) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button small";
      button.dataset.up = name;
      button.textContent = "Up";
      button.setAttribute("aria-label", `Up: ${PARTS[name]}`);
      item.append(button);
    }
    return item;
  });
  parts.replaceChildren(...items);
}

function keep(selector, key, read, write) {
  const field = root.querySelector(selector);
  const isBox = field.type === "checkbox";
  follow(key, () => (field[isBox ? "checked" : "value"] = read()));
  field.addEventListener("change", () => write(isBox ? field.checked : field.value));
}

keep("[data-sound-on]", SOUND, soundIsOn, setSound);
keep("[data-keys-wanted]", KEYS, keysAreOn, setKeys);
keep("[data-ask-wanted]", ASK, askMode, setAskMode);
root.querySelector("[data-in-browser]").hidden = false;
