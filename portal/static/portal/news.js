// What has just happened and must not be missed: fills, refusals and lost answers, as notices and sounds.

import { chime, toast } from "./toasts.js";
import { Untold } from "./untold.js";

const GATHER = 400; // milliseconds in which the fills of one order become one notice

export class News {
  /** @param {() => boolean|undefined} isSending whether an answer is on its way that tells by itself what came of a press */
  constructor(isSending) {
    this.isSending = isSending;
    this.untold = new Untold();
  }

  /** Tell what is new among the `changed` keys of `rows`; `how` is as of Untold.hear. */
  tell(rows, changed, how) {
    this.rows = rows;
    this.untold.hear(rows, changed, how);
    this.#wait();
  }

  #wait() {
    if (this.untold.waits) this.timer ??= setTimeout(() => this.#tellNow(), GATHER);
  }

  #tellNow() {
    this.timer = undefined;
    const notices = this.untold.take(this.rows, { isSending: this.isSending() });
    for (const { level, text, link } of notices) toast(level, text, link);
    if (notices.some(({ level }) => level === "success")) chime("success");
    if (notices.some(({ level }) => level !== "success")) chime("error");
    this.#wait();
  }
}
