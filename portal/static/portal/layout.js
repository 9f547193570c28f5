// The desk's panels as its person wants them: in which order, and which are folded away to their headings.
// `[data-fold="chart"]` buttons in `[data-panel="chart"]`; look.js folds what was folded before the first paint, desk.css
// hides it. On a phone the order is the phone's.

import { recall, remember } from "./dom.js";

const FOLDED = "tradeport.folded";
const ORDER = "tradeport.panels";

/** The parts of the desk beside its ticket, by their names and in the order in which they stand if nobody says other. */
export const PARTS = { chart: "Chart", position: "Positions", order: "Orders", money: "Accounts and today's fills" };

/** The names of all parts as their person has ordered them. */
export function orderOfParts() {
  const kept = recall(ORDER).split(" ").filter((name) => name in PARTS);
  return [...kept, ...Object.keys(PARTS).filter((name) => !kept.includes(name))];
}

/** Move a part one place up; the first one stays. */
export function moveUp(name) {
  const order = orderOfParts();
  const at = order.indexOf(name);
  if (at > 0) [order[at - 1], order[at]] = [order[at], order[at - 1]];
  remember(ORDER, order.join(" "));
}

/** Put the parts of the desk, `[data-part]` in `[data-parts]`, into their person's order. */
export function arrangeParts(root) {
  const place = root.querySelector("[data-parts]");
  const stands = [...place.querySelectorAll(":scope > [data-part]")];
  const order = orderOfParts();
  const wanted = [...stands].sort((a, b) => order.indexOf(a.dataset.part) - order.indexOf(b.dataset.part));
  if (wanted.some((part, at) => part !== stands[at])) place.append(...wanted);
}

/** Let panels be folded and unfolded, and keep that. */
export function watchFolding(root) {
  const folded = new Set(recall(FOLDED).split(" ").filter(Boolean));
  const show = (button) => button.setAttribute("aria-expanded", String(!folded.has(button.dataset.fold)));
  for (const button of root.querySelectorAll("[data-fold]")) {
    show(button);
    button.addEventListener("click", () => {
      const { fold } = button.dataset;
      if (!folded.delete(fold)) folded.add(fold);
      document.documentElement.dataset.folded = [...folded].join(" ");
      remember(FOLDED, document.documentElement.dataset.folded);
      show(button);
    });
  }
}
