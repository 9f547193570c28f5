// The order ticket: shows the fields that the order needs, says what is wrong while it is filled in, sends it once.

import { pageOf } from "./acts.js";
import { ASK, ask, askMode, mustAsk, setAskMode, showFindings } from "./confirm.js";
import { follow, hasFocus, setHidden, setText } from "./dom.js";
import { minutesBehindUtc, zoneName } from "./figures.js";
import { post, Wish } from "./press.js";
import { chime } from "./toasts.js";

const COMPLETE_SYMBOL = /^[A-Z0-9]{1,5}[FGHJKMNQUVXZ]\d{1,2}$/; // as of trading/orders/contracts.py
const SOON = 250; // milliseconds after the last letter until the ticket is looked at
const FRESH = 10_000; // milliseconds for which what was found then is relied on
const WATCHED = 5_000; // milliseconds after an answer for which its trader looks at what the ticket says
const CHECKING = "Checking…";
const PRICES = ["price", "stop_price", "limit_if_touched_price", "peg_difference"];

export class Ticket {
  /**
   * @param {HTMLFormElement} form
   * @param {import("./acts.js").Acts} acts presses the buttons in what the ticket shows
   * @param {(rows: object, told: string) => Map<string, object>} learn takes the rows of intents that an answer brings, and
   *   the key of the one that is told here; returns all rows
   * @param {(symbol: string) => void} look takes the contract that its trader has written down
   */
  constructor(form, acts, learn, look) {
    this.form = form;
    this.acts = acts;
    this.learn = learn;
    this.findings = [];
    this.looked = ""; // of which contents these are the findings
    this.shown = { id: "", name: "" }; // the only account that the desk shows, or none
    this.send = form.querySelector("[data-send]");
    this.outcome = form.querySelector("[data-outcome]");
    this.said = form.querySelector("[data-said]");
    this.stakes = form.querySelector("[data-stakes]");
    this.wish = new Wish();
    form.querySelector("[data-zone]").textContent = `(${zoneName()})`;
    this.#offer();
    form.elements.symbol.addEventListener("change", ({ target }) => {
      const symbol = target.value.trim().toUpperCase();
      if (COMPLETE_SYMBOL.test(symbol)) look(symbol);
    });
    form.addEventListener("input", () => this.#changed());
    form.addEventListener("change", () => this.#changed());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#arrange();
  }

  /**
   * The desk shows the account `id` under this name, or all with "": one that is newly chosen there is the ticket's, too,
   * where the ticket can have it. Else it says that it is for another one.
   */
  follows(id, name) {
    const { account } = this.form.elements;
    const isNew = id !== this.shown.id;
    this.shown = { id, name };
    if (isNew && account.value !== id && [...account.options].some((option) => option.value === id)) {
      account.value = id;
      this.#changed();
    }
    this.#tellAccount();
  }

  /** The stream's accounts, {id, name, tradable}: one that was opened or named since the page was made is so here, too. */
  offerAccounts(accounts) {
    const { account } = this.form.elements;
    const known = new Map([...account.options].map((option) => [option.value, option]));
    for (const { id, name, tradable } of accounts) {
      const option = known.get(id);
      // An older hub does not say which accounts can trade.
      if (!option && tradable !== "") account.append(new Option(name, id));
      // The server writes Tradovate's name behind the trader's own.
      else if (option && !option.text.startsWith(`${name} (`)) setText(option, name);
    }
    this.#tellAccount();
    this.form.closest(".ticket").querySelector("[data-no-account]").hidden = account.options.length > 0;
  }

  /** Choose a side, as its button does. */
  side(action) {
    this.form.querySelector(`[name="action"][value="${action}"]`).checked = true;
    this.#changed();
    this.form.elements.order_qty.select();
  }

  /** Whether its answer is on its way. */
  get isSending() {
    return this.send.getAttribute("aria-disabled") === "true";
  }

  focus(name) {
    this.form.elements[name].focus();
    this.form.elements[name].select?.();
  }

  /** The intent (its key) of whose news the ticket tells its trader by itself, or empty. */
  get tells() {
    const isWatched = Date.now() - this.answeredAt < WATCHED && !this.busy && !document.querySelector("dialog[open]");
    return isWatched ? this.sent : "";
  }

  /** Rows have changed: what was sent last may have moved on. */
  follow(rows, changed) {
    if (!this.sent || !changed.includes(this.sent)) return;
    const wasWrong = this.#isWrong;
    this.#tell(rows.get(this.sent));
    if (this.tells && this.#isWrong && !wasWrong) chime("error");
  }

  get #isWrong() {
    return this.outcome.querySelector('[data-level="error"]') !== null;
  }

  #offer() {
    const presets = this.form.querySelector("[data-presets]");
    presets.hidden = false;
    presets.addEventListener("click", ({ target }) => {
      if (!target.dataset.preset) return;
      this.form.elements.order_qty.value = target.dataset.preset;
      this.#changed();
    });
    this.form.querySelector("[data-ask]").hidden = false;
    const mode = this.form.querySelector("[data-ask-mode]");
    follow(ASK, () => (mode.value = askMode()));
    mode.addEventListener("change", () => setAskMode(mode.value));
  }

  #changed() {
    this.#arrange();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#preview(), SOON);
  }

  /** Say where the order goes, unless it goes where everything else on the desk is about. */
  #tellAccount() {
    const field = this.form.querySelector("[data-account-field]");
    const elsewhere = this.#elsewhere();
    setHidden(field, this.form.elements.account.options.length < 2 && !elsewhere);
    setText(field.querySelector("[data-elsewhere]"), elsewhere);
  }

  /** In words, that the desk shows another account than that of the ticket; empty when it does not. */
  #elsewhere() {
    const [option] = this.form.elements.account.selectedOptions;
    if (!this.shown.id || !option || option.value === this.shown.id) return "";
    return `This order is for ${option.text}. The desk shows ${this.shown.name || "another account"}.`;
  }

  /** Show the fields that this order needs; what is hidden is not sent. */
  #arrange() {
    const { elements } = this.form;
    this.#tellAccount();
    for (const select of this.form.querySelectorAll("[data-type]")) {
      const prefix = select.dataset.type;
      const shown = select.selectedOptions[0].dataset.prices.split(" ");
      for (const name of PRICES) this.#show(prefix + name, shown.includes(name));
    }
    this.#show("expire_time", elements.time_in_force.value === "GTD");
    for (const fieldset of this.form.querySelectorAll("[data-exits]")) {
      fieldset.hidden = fieldset.disabled = fieldset.dataset.exits !== elements.exits.value;
    }
    const { action, order_qty: qty, symbol, order_type: type } = this.#values();
    for (const hint of this.form.querySelectorAll("[data-many]")) setHidden(hint, !(Number(qty) > 1));
    const [shown, text] = [elements.max_show.value.trim(), elements.text.value.trim()];
    this.send.dataset.side = action;
    const parts = [action, qty, symbol.toUpperCase() || "…", type.selectedOptions[0].text, shown && `showing ${shown}`];
    this.send.textContent = parts.filter(Boolean).join(" ");
    // They go out from behind it, too.
    const more = [shown && `shows ${shown}`, text && "with a text"].filter(Boolean).join(", ");
    setText(this.form.querySelector(".more summary"), more ? `More: ${more}` : "More");
  }

  #values() {
    const { elements } = this.form;
    return {
      action: elements.action.value,
      order_qty: elements.order_qty.value.trim(),
      symbol: elements.symbol.value.trim(),
      order_type: elements.order_type,
    };
  }

  #show(name, wanted) {
    const box = this.form.querySelector(`[data-box="${name}"]`);
    box.hidden = !wanted;
    box.querySelector("input").disabled = !wanted;
  }

  #data() {
    const { elements } = this.form;
    elements.key.value = this.wish.key;
    elements.utc_offset.value = String(minutesBehindUtc(elements.expire_time.value));
    return new FormData(this.form);
  }

  async #preview() {
    if (this.form.elements.symbol.value.trim()) {
      await this.#look(this.#data());
      return;
    }
    // Nothing can be said about it, and what was said is about another order.
    this.asked = null;
    this.looked = "";
    this.#say([]);
    this.#tellStakes({});
  }

  /** Ask what would come of `data` and say it, unless the ticket has changed meanwhile. Returns the answer. */
  async #look(data) {
    this.asked = data;
    const contents = contentsOf(data);
    const answer = await post(this.form.dataset.preview, data);
    if (data !== this.asked || answer.lost) return answer;
    this.#say(answer.findings);
    this.looked = answer.checked ? contents : "";
    this.lookedAt = Date.now();
    this.#tellStakes(answer.stakes ?? {});
    return answer;
  }

  #tellStakes({ risk, reward, ratio }) {
    const parts = [risk && `Risk ${risk}`, reward && `reward ${reward}`, ratio && `${ratio}`].filter(Boolean);
    this.stakes.hidden = parts.length === 0;
    this.stakes.textContent = parts.join(" · ");
  }

  /** Errors are said beside their field, all else above the button. */
  #say(findings) {
    this.findings = findings;
    const rest = [];
    const byField = Map.groupBy ? Map.groupBy(findings, (finding) => finding.field) : groupBy(findings);
    for (const place of this.form.querySelectorAll("[data-error]")) {
      const own = (byField.get(place.dataset.error) ?? []).filter(({ severity }) => severity === "error");
      const text = own.map(({ message }) => message).join(" ");
      if (place.textContent !== text) place.textContent = text;
      this.form.elements[place.dataset.error]?.setAttribute?.("aria-invalid", String(own.length > 0));
    }
    for (const finding of findings) {
      const place = finding.field && this.form.querySelector(`[data-error="${finding.field}"]`);
      if (finding.severity !== "error" || !place || place.closest("[hidden]")) rest.push(finding);
    }
    const list = document.createElement("ul");
    list.className = "findings";
    showFindings(list, rest);
    const same = this.said.textContent === list.textContent;
    if (!same) this.said.replaceChildren(...(rest.length ? [list] : []));
  }

  async #submit() {
    if (this.busy) return;
    this.busy = true;
    clearTimeout(this.timer);
    this.asked = null;
    const data = this.#data();
    try {
      if (!(await this.#isMeant(data))) return;
      this.send.setAttribute("aria-disabled", "true");
      this.#outcome("info", "Sending…");
      this.#answered(await post(this.form.getAttribute("action"), data));
      this.answeredAt = Date.now();
      if (this.#isWrong) chime("error");
    } finally {
      this.busy = false;
      this.send.removeAttribute("aria-disabled");
    }
  }

  /**
   * Whether `data` is to go out: what cannot be sent is said, and its trader is asked where that is wanted. The checks are
   * asked anew unless they have just spoken of these very contents: one click is for what nothing is to be said about.
   */
  async #isMeant(data) {
    const [mode, type, yes, side] = [askMode(), data.get("order_type"), this.send.textContent, data.get("action")];
    const elsewhere = this.#elsewhere();
    const own = elsewhere ? [{ severity: "warning", message: elsewhere }] : [];
    const isKnown = this.looked === contentsOf(data) && Date.now() - this.lookedAt < FRESH;
    if (isKnown && !mustAsk(mode, type, [...own, ...this.findings])) return true;
    data.set("whole", "1");
    const before = [...this.outcome.childNodes];
    this.outcome.textContent = CHECKING;
    const look = await this.#look(data);
    // News of the order before may have taken its place.
    if (this.outcome.textContent === CHECKING) this.outcome.replaceChildren(...before);
    if (look.findings.some(({ severity }) => severity === "error")) {
      this.#nothingSent(look);
      return false;
    }
    const findings = [...own, ...look.findings];
    if (!look.lost && !mustAsk(mode, type, findings)) return true;
    return ask({ title: "Send this order?", words: look.described || yes, yes, side, findings });
  }

  #nothingSent({ findings, words }) {
    this.sent = ""; // news of the one before do not take its place
    this.#say(findings);
    this.#outcome("error", `Nothing was sent. ${findings.length ? "Mend what is marked." : words}`);
    if (hasFocus(this.form)) this.form.querySelector('[aria-invalid="true"]')?.focus();
  }

  #answered(answer) {
    this.wish.answered(answer);
    if (answer.lost) {
      this.#outcome(answer.level, answer.words);
      return;
    }
    this.sent = answer.intent;
    const known = this.learn(answer.rows, answer.intent);
    if (answer.intent) {
      this.#say([]);
      // The stream may have told more than the answer knew.
      this.#tell(known.get(answer.intent) ?? answer.rows[answer.intent]);
    } else {
      this.#nothingSent(answer);
    }
  }

  #tell(row) {
    const buttons = row.state === "absent" ? ["again", "give-up"] : [];
    this.#outcome(row.level, row.words, pageOf({ intent: this.sent }), buttons.map((verb) => this.#button(verb, row.id)));
  }

  #button(verb, id) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button small";
    button.textContent = verb === "again" ? "Send again" : "Give up";
    button.setAttribute("formaction", `/orders/${id}/${verb}/`);
    button.addEventListener("click", () => this.acts.press(button));
    return button;
  }

  #outcome(level, words, link, buttons = []) {
    const box = document.createElement("div");
    box.className = "notice";
    box.dataset.level = level;
    const text = document.createElement("span");
    text.textContent = words;
    box.append(text, ...buttons);
    if (link) {
      const anchor = document.createElement("a");
      anchor.href = link.href;
      anchor.textContent = link.text;
      box.append(anchor);
    }
    this.outcome.replaceChildren(box);
  }
}

/** What a ticket says, and as which press: after one was answered the same contents are another order. */
function contentsOf(data) {
  return JSON.stringify([...data].filter(([name]) => name !== "whole"));
}

function groupBy(findings) {
  const groups = new Map();
  for (const finding of findings) groups.set(finding.field, [...(groups.get(finding.field) ?? []), finding]);
  return groups;
}
