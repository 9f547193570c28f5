// The buttons of rows and panels: `<button form="acts" formaction=... name=... value=...>`. Each press is one wish.
// With `data-shows` ("side qty") it carries what these cells of its row show: what its person decides about.

import { ask, askMode, mustAsk } from "./confirm.js";
import { post, Wish } from "./press.js";
import { chime, toast } from "./toasts.js";

export class Acts {
  /**
   * @param {HTMLFormElement} form the form that all these buttons belong to
   * @param {(rows: object, told: string) => void} learn takes the rows of intents that an answer brings, and the key of
   *   the one that is told here
   */
  constructor(form, learn) {
    this.form = form;
    this.learn = learn;
    this.pressed = 0;
    this.wishes = new WeakMap(); // of the buttons that were pressed
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.press(event.submitter);
    });
  }

  /** Whether an answer is on its way. */
  get isPressing() {
    return this.pressed > 0;
  }

  /** What the next press of `button` means. */
  wishOf(button) {
    if (!this.wishes.has(button)) this.wishes.set(button, new Wish());
    return this.wishes.get(button);
  }

  /** Press `button`, with more fields in `more`; a press that is under way is not repeated. */
  async press(button, more = {}) {
    if (!button || button.getAttribute("aria-disabled") === "true") return null;
    // What it stands for now: the stream may change its row while its person thinks about the question.
    const address = button.getAttribute("formaction") ?? this.form.action;
    const data = new FormData(this.form);
    if (button.name) data.set(button.name, button.value);
    const { asks, shows } = button.dataset;
    for (const name of shows?.split(" ") ?? []) data.set(name, button.closest("tr").querySelector(`[data-field="${name}"]`).textContent);
    for (const [name, value] of Object.entries(more)) data.set(name, value);
    if (asks && mustAsk(askMode(), "Market") && !(await ask({ title: asks, words: button.dataset.words ?? "", yes: button.textContent.trim() }))) {
      return null;
    }
    const wish = this.wishOf(button);
    button.setAttribute("aria-disabled", "true");
    data.set("key", wish.key);
    this.pressed += 1;
    const answer = await post(address, data); // never throws
    this.pressed -= 1;
    button.removeAttribute("aria-disabled");
    wish.answered(answer);
    this.learn(answer.rows, answer.intent);
    toast(answer.level, answer.words, pageOf(answer));
    if (answer.level === "error") chime("error");
    return answer;
  }
}

/** The page of the intent that an answer is about, as a link. */
export function pageOf(answer) {
  const number = (answer.intent ?? "").split(":")[1];
  return number ? { href: `/orders/${number}/`, text: "Order page" } : undefined;
}
