// What opens below a row: the change of an order, the exits of a position. `<template data-editor="...">` holds them.

import { hasFocus, setHidden, setText } from "./dom.js";
import { KEPT } from "./press.js";
import { editorOf } from "./tables.js";
import { toast } from "./toasts.js";

export class Editors {
  /**
   * @param {HTMLElement} root
   * @param {import("./acts.js").Acts} acts
   * @param {(key: string) => object|undefined} rowOf the row of a line
   */
  constructor(root, acts, rowOf) {
    this.root = root;
    this.acts = acts;
    this.rowOf = rowOf;
    this.open = new Map(); // by the keys of their lines
    root.addEventListener("click", ({ target }) => {
      const button = target.closest("[data-edit]");
      if (button) this.#toggle(button.closest("[data-row]"), button);
      if (target.closest("[data-close]")) this.#close(target.closest("[data-editor-of]"));
    });
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#close(event.target.closest("[data-editor-of]"));
    });
    this.#show(root);
    const added = new MutationObserver((changes) => {
      for (const change of changes) for (const node of change.addedNodes) if (node.querySelectorAll) this.#show(node);
    });
    for (const body of root.querySelectorAll("tbody")) added.observe(body, { childList: true });
  }

  /** Rows have changed: what is open says what its row does, and what went with its row is not lost without a word. */
  follow() {
    for (const [key, editor] of this.open) {
      const row = this.rowOf(key);
      if (editor.element.isConnected) {
        // Whoever presses again after a lost answer means the same: nothing of it may be other by then.
        if (row && !editor.isSending && !this.acts.wishOf(editor.send).isLost) editor.follow(row);
        continue;
      }
      this.open.delete(key);
      if (!editor.isSending && !editor.mayBeSent) tellLost(editor.row, row);
    }
  }

  /** Buttons that need this script are hidden without it. */
  #show(element) {
    for (const button of element.querySelectorAll("[data-edit]")) button.hidden = false;
  }

  #toggle(line, button) {
    const open = editorOf(line);
    if (open) {
      this.#close(open);
      return;
    }
    const key = line.dataset.row;
    const row = this.rowOf(key);
    if (!row) {
      toast("info", "This page is still connecting, and nothing can be changed here yet. Press again when it streams.");
      return;
    }
    const template = document.querySelector(`template[data-editor="${button.dataset.edit}"]`);
    const editor = new Editor(template.content.firstElementChild.cloneNode(true), row);
    editor.element.dataset.editorOf = key;
    editor.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send(editor);
    });
    this.open.set(key, editor);
    line.after(editor.element);
    editor.form.querySelector("label:not([hidden]) input").select();
    editor.form.querySelector("label:not([hidden]) input").focus();
  }

  async #send(editor) {
    if (editor.isSending) return;
    const empty = editor.emptied();
    editor.tell(empty);
    if (empty.length) return;
    editor.isSending = true;
    const answer = await this.acts.press(editor.send, editor.fields());
    editor.isSending = false;
    if (!answer) return;
    editor.mayBeSent = answer.lost ?? false;
    if (answer.lost) setTimeout(() => this.follow(), KEPT + 1);
    if (answer.intent) this.#close(editor.element);
    editor.tell(answer.findings.filter(({ severity }) => severity === "error"));
  }

  #close(element) {
    if (!element) return;
    const line = element.previousElementSibling;
    // Whoever has gone on to something else meanwhile stays there.
    const isHere = hasFocus(element);
    element.remove();
    this.open.delete(element.dataset.editorOf);
    if (isHere) line?.querySelector("[data-edit]")?.focus();
  }
}

/** One that is open below its line. */
class Editor {
  constructor(element, row) {
    this.element = element;
    this.form = element.querySelector("form");
    this.send = this.form.querySelector("[formaction]");
    this.send.value = `${row.account_id}:${this.send.name === "position" ? row.contract_id : row.id}`;
    this.asked = {}; // what its fields would leave as it is, by their names
    this.isSending = false;
    this.mayBeSent = false; // its answer was lost
    this.#fillIn(row);
  }

  /** Show what the row is by now, and name what is other than it was. */
  follow(row) {
    const moved = this.#fillIn(row);
    if (moved.length) setText(this.element.querySelector("[data-moved]"), `Changed meanwhile: ${moved.join(", ")}.`);
  }

  /** What is to be sent. What was not touched is left as it is at Tradovate, whatever the page shows. */
  fields() {
    return Object.fromEntries([...new FormData(this.form)].filter(([name, value]) => this.asked[name] !== value));
  }

  /** Findings of fields that had a value and have none: an order keeps what a change does not name. */
  emptied() {
    return [...this.form.elements]
      .filter(({ name, value, disabled }) => this.asked[name] && !disabled && !value.trim())
      .map((input) => ({ field: input.name, message: `${nameOf(input)} is empty. Write a value, or ${this.asked[input.name]} to leave it as it is.` }));
  }

  /** Say what is wrong, and at which fields. */
  tell(findings) {
    for (const input of this.form.elements) {
      input.setAttribute("aria-invalid", String(findings.some(({ field }) => field === input.name)));
    }
    this.form.querySelector("[data-errors]").textContent = findings.map(({ message }) => message).join(" ");
  }

  /** Fill in what the row has, but for what its trader has written; what it has not is not offered. Returns what is new, in words. */
  #fillIn(row) {
    this.row = row;
    setText(this.element.querySelector("[data-about]"), `${row.action ?? row.side} ${row.qty} ${row.symbol}`);
    // TrailingStopNonOrderQtyModify (openapi.json, failureReason).
    const isTrailing = row.type?.startsWith("Trailing") ?? false;
    for (const hint of this.element.querySelectorAll("[data-trailing]")) setHidden(hint, !isTrailing);
    for (const hint of this.element.querySelectorAll("[data-many]")) setHidden(hint, !(Number(row.qty) > 1));
    const moved = [];
    for (const label of this.element.querySelectorAll("[data-from]")) {
      const input = label.querySelector("input");
      const isFixed = isTrailing && label.dataset.from !== "qty";
      const value = isFixed || !/\d/.test(row[label.dataset.from]) ? "" : row[label.dataset.from];
      const was = this.asked[input.name] ?? "";
      setHidden(label, !value);
      input.disabled = !value;
      if (value === was) continue;
      if (input.value === was) input.value = value;
      this.asked[input.name] = value;
      moved.push(`${nameOf(input)} is ${value || "gone"}`);
    }
    return moved;
  }
}

/** A field's name, as its label says it. */
function nameOf(input) {
  return input.closest("label").firstChild.textContent.trim();
}

/** Of what was written below a line whose row is over by now; a line that is only not shown keeps its silence. */
function tellLost(shown, row) {
  if (row && (row.group ?? "working") === "working") return;
  const { action, side, qty, symbol } = shown;
  const what = action ? "what you were changing was not sent" : "no exits were placed";
  toast("info", `${action ?? side} ${qty} ${symbol} is ${row?.status?.toLowerCase() ?? "gone"} by now: ${what}.`);
}
