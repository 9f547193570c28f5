// What a desk has beside its tables: guarded buttons, one press for one click, keys with their sheet, the sound.

import { ask, askMode, mustAsk } from "./confirm.js";
import { recall, remember } from "./dom.js";
import { setSound, soundIsOn } from "./toasts.js";

const STAYS_OPEN = 5_000; // milliseconds that a guarded button waits for the second press
/** Under this key it is kept whether keys are wanted: "off" when they are not. */
export const KEYS = "tradeport.keys";
const DOUBLE = 500; // milliseconds within which two clicks at one place are a double click
const TABS = { 1: "working", 2: "filled", 3: "ended" };

/** A guard that was opened closes again by itself. */
export function keepGuard(guard) {
  let timer;
  guard.addEventListener("toggle", () => {
    clearTimeout(timer);
    if (guard.open) timer = setTimeout(() => (guard.open = false), STAYS_OPEN);
  });
  guard.querySelector("button").addEventListener("click", () => setTimeout(() => (guard.open = false)));
}

/**
 * The second click of a double click, and the letters of a key that is held, mean nothing: by then the first one may
 * have been answered, or have taken its row away, so that another wish or another row would be pressed.
 */
export function takeEachPressOnce(root) {
  let pressedAt = -Infinity;
  const drop = (event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  const isSending = ({ target }) => target.closest("button[formaction], [data-send], [data-yes]");
  const onClick = (event) => {
    if (!isSending(event)) return;
    if (event.detail > 1 && event.timeStamp - pressedAt < DOUBLE) drop(event);
    else pressedAt = event.timeStamp;
  };
  root.addEventListener("click", onClick, { capture: true });
  root.addEventListener("keydown", (event) => event.repeat && event.key === "Enter" && drop(event), { capture: true });
}

/**
 * What a key means on the desk, or null: never while somebody types, holds the key down or looks at a dialog. Pure.
 *
 * @param {{key: string, repeat?: boolean, ctrlKey?: boolean, metaKey?: boolean, altKey?: boolean}} event
 * @param {{typing: boolean, dialog: boolean, on: boolean}} now
 */
export function meaningOf(event, { typing, dialog, on }) {
  if (typing || dialog || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.key === "?") return "help";
  if (!on) return null;
  if (event.key === "F") return "flatten-all";
  const meanings = { "/": "symbol", b: "buy", s: "sell", q: "quantity", p: "price", x: "cancel-all" };
  return meanings[event.key] ?? (TABS[event.key] ? `tab-${TABS[event.key]}` : null);
}

export class DeskTools {
  constructor(root, desk) {
    this.root = root;
    this.desk = desk;
    this.sheet = root.querySelector("#shortcuts");
    this.on = recall(KEYS) !== "off";
    document.addEventListener("keydown", (event) => this.#press(event));
  }

  /** Show the buttons that need this script. */
  offer() {
    this.root.querySelector("[data-tools]").hidden = false;
    const sound = this.root.querySelector("[data-sound]");
    const show = () => sound.setAttribute("aria-pressed", String(soundIsOn()));
    sound.addEventListener("click", () => {
      setSound(!soundIsOn());
      show();
    });
    show();
    this.root.querySelector("[data-help]").addEventListener("click", () => this.sheet.showModal());
    const keys = this.sheet.querySelector("[data-keys-on]");
    keys.checked = this.on;
    keys.addEventListener("change", () => {
      this.on = keys.checked;
      remember(KEYS, this.on ? "on" : "off");
    });
  }

  #press(event) {
    const typing = event.target.closest?.("input:not([type=radio], [type=checkbox]), select, textarea, [contenteditable]");
    const dialog = document.querySelector("dialog[open]");
    const meaning = meaningOf(event, { typing: Boolean(typing), dialog: Boolean(dialog), on: this.on });
    if (!meaning) return;
    event.preventDefault();
    this.#do(meaning);
  }

  #do(meaning) {
    const { ticket, orders } = this.desk;
    if (meaning === "help") this.sheet.showModal();
    else if (meaning === "buy" || meaning === "sell") ticket?.side(meaning === "buy" ? "Buy" : "Sell");
    else if (meaning === "symbol") ticket?.focus("symbol");
    else if (meaning === "quantity") ticket?.focus("order_qty");
    else if (meaning === "price") ticket?.focus("price");
    else if (meaning === "cancel-all") this.#cancelAll();
    else if (meaning === "flatten-all") this.#flatten();
    else orders.choose(meaning.slice("tab-".length));
  }

  /** One letter is not to take protective stops away unasked: where the button does not ask, its key does. */
  async #cancelAll() {
    const button = this.root.querySelector("[data-cancel-all]");
    const { asks: title, words = "" } = button.dataset;
    if (mustAsk(askMode(), "Market") || (await ask({ title, words, yes: button.textContent }))) button.click();
  }

  /** The first press opens the guard, the second one, while it is open, goes through. */
  #flatten() {
    const guard = this.root.querySelector('[data-guard="flatten-all"]');
    if (guard.open) guard.querySelector("button").click();
    else guard.open = true;
  }
}
