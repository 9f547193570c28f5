// What a desk has beside its tables: guarded buttons, one press for one click, keys with their sheet, the sound.

import { ask, askMode, isUnread, mustAsk } from "./confirm.js";
import { follow, recall, remember } from "./dom.js";
import { Places } from "./places.js";
import { setSound, SOUND, soundIsOn, toast } from "./toasts.js";

const STAYS_OPEN = 5_000; // milliseconds that a guarded button, or one that has just moved, waits for the second press
/** Under this key it is kept whether keys are wanted: "off" when they are not. */
export const KEYS = "tradeport.keys";
const DOUBLE = 500; // milliseconds within which two clicks at one place are a double click
const TABS = { 1: "working", 2: "filled", 3: "ended" };

/** Whether keys are wanted in this browser. */
export function keysAreOn() {
  return recall(KEYS) !== "off";
}

/** Switch keys on or off, and remember it. */
export function setKeys(on) {
  remember(KEYS, on ? "on" : "off");
}

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
 * have been answered, or have taken its row away, so that another wish or another row would be pressed. Nor does a click
 * on a row that has just moved under the pointer, unless it is said once more: a row that moves all the time can be pressed.
 */
export function takeEachPressOnce(root) {
  const places = new Places(root);
  let pressedAt = -Infinity;
  let surprise = null; // the button that was last found to have just moved
  let notice;
  const tellMoved = () => {
    notice?.remove();
    notice = toast("warning", "The rows had just moved: nothing was done. Press again.");
  };
  const drop = (event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  const onClick = (event) => {
    const button = event.target.closest("button[formaction], [data-send], [data-yes]");
    if (!button) return;
    const since = event.timeStamp - pressedAt;
    if (event.detail > 1 && since < DOUBLE) {
      drop(event);
      if (button === surprise) tellMoved();
      return;
    }
    // A key that was meant for what had the focus before.
    if (event.detail === 0 && button.matches("[data-yes]") && isUnread(event.timeStamp)) {
      drop(event);
      return;
    }
    pressedAt = event.timeStamp;
    const isSaidAgain = button === surprise && since < STAYS_OPEN;
    // Keys press what has the focus, wherever it moves: their clicks have no detail.
    surprise = event.detail > 0 && !isSaidAgain && places.isSurprise(button, event) ? button : null;
    if (!surprise) return;
    drop(event);
    tellMoved();
  };
  root.addEventListener("click", onClick, { capture: true });
  root.addEventListener("keydown", (event) => event.repeat && event.key === "Enter" && drop(event), { capture: true });
}

/**
 * What a key means on the desk, or null: never while somebody types, holds the key down or looks at a dialog. Pure.
 *
 * @param {{key: string, repeat?: boolean, shiftKey?: boolean, ctrlKey?: boolean, metaKey?: boolean, altKey?: boolean}} event
 * @param {{typing: boolean, dialog: boolean, on: boolean}} now
 */
export function meaningOf(event, { typing, dialog, on }) {
  if (typing || dialog || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.key === "?") return "help";
  if (!on) return null;
  if (TABS[event.key]) return `tab-${TABS[event.key]}`;
  if (event.key === "/") return "symbol";
  // Caps Lock writes other letters, and means nothing.
  const letter = event.key.toLowerCase();
  if (event.shiftKey) return letter === "f" ? "flatten-all" : null;
  return { b: "buy", s: "sell", q: "quantity", p: "price", x: "cancel-all" }[letter] ?? null;
}

export class DeskTools {
  constructor(root, desk) {
    this.root = root;
    this.desk = desk;
    this.sheet = root.querySelector("#shortcuts");
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
    follow(SOUND, show);
    this.root.querySelector("[data-help]").addEventListener("click", () => this.sheet.showModal());
    const keys = this.sheet.querySelector("[data-keys-on]");
    follow(KEYS, () => (keys.checked = keysAreOn()));
    keys.addEventListener("change", () => setKeys(keys.checked));
  }

  #press(event) {
    const typing = event.target.closest?.("input:not([type=radio], [type=checkbox]), select, textarea, [contenteditable]");
    const dialog = document.querySelector("dialog[open]");
    const meaning = meaningOf(event, { typing: Boolean(typing), dialog: Boolean(dialog), on: keysAreOn() });
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
