// Asks before something is sent, as this browser's trader wants to be asked.

import { focusOn, recall, remember } from "./dom.js";
import { toast } from "./toasts.js";

/** Under this key it is kept when to ask. */
export const ASK = "tradeport.ask";
const MODES = ["always", "market", "never"];
const UNREAD = 300; // milliseconds in which nobody has read a question
let askedAt = -Infinity;

/** "always", "market" (ask for market orders only) or "never"; without a choice it is always asked. */
export function askMode() {
  const kept = recall(ASK);
  return MODES.includes(kept) ? kept : "always";
}

export function setAskMode(mode) {
  remember(ASK, mode);
}

/** Whether to ask before an order of this type goes out; a warning is a reason to ask in any mode. Pure. */
export function mustAsk(mode, orderType, findings = []) {
  if (mode === "always" || findings.some((finding) => finding.severity === "warning")) return true;
  return mode === "market" && orderType === "Market";
}

/**
 * Ask in the dialog of the page: one question at a time, lest one's answer is taken for another's. What is asked while
 * another question is open is not done, and a notice says so.
 *
 * @param {{title: string, words: string, yes: string, side?: string, findings?: {severity: string, message: string}[]}} asked
 * @returns {Promise<boolean>} whether the trader wants it
 */
export function ask({ title, words, yes, side = "", findings = [] }) {
  const dialog = document.querySelector("#confirm");
  if (dialog.open) {
    toast("warning", `${title} Nothing was done, as another question was open: press again.`);
    return Promise.resolve(false);
  }
  dialog.querySelector("[data-title]").textContent = title;
  dialog.querySelector("[data-words]").textContent = words;
  dialog.querySelector("[data-yes]").textContent = yes;
  dialog.querySelector("[data-yes]").dataset.side = side;
  showFindings(dialog.querySelector("[data-findings]"), findings);
  dialog.returnValue = "";
  const asker = document.activeElement;
  const panel = asker.closest(".panel");
  dialog.showModal();
  askedAt = performance.now();
  return new Promise((resolve) => {
    const answer = () => {
      // The focus goes back to what asked, unless that has gone with its row.
      if (!asker.isConnected && panel) focusOn(panel.querySelector("h2"));
      resolve(dialog.returnValue === "yes");
    };
    dialog.addEventListener("close", answer, { once: true });
  });
}

/** Whether what was pressed at `time` (a timeStamp) came too soon to be an answer to the question that is open. */
export function isUnread(time) {
  return time - askedAt < UNREAD;
}

/** List findings in `list`, a `<ul class="findings">`. */
export function showFindings(list, findings) {
  const items = findings.map((finding) => {
    const item = document.createElement("li");
    item.dataset.level = finding.severity;
    item.textContent = finding.message;
    return item;
  });
  list.replaceChildren(...items);
}
