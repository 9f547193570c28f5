// What opens below a row: the change of an order, the exits of a position. `<template data-editor="...">` holds them.

import { hasFocus } from "./dom.js";
import { editorOf } from "./tables.js";

export class Editors {
  /**
   * @param {HTMLElement} root
   * @param {import("./acts.js").Acts} acts
   * @param {(key: string) => object} rowOf the row of a line
   */
  constructor(root, acts, rowOf) {
    this.root = root;
    this.acts = acts;
    this.rowOf = rowOf;
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
    const row = this.rowOf(line.dataset.row);
    const template = document.querySelector(`template[data-editor="${button.dataset.edit}"]`);
    const editor = template.content.firstElementChild.cloneNode(true);
    editor.dataset.editorOf = line.dataset.row;
    editor.querySelector("[data-about]").textContent = `${row.action ?? row.side} ${row.qty} ${row.symbol}`;
    const asked = fillIn(editor, row);
    const form = editor.querySelector("form");
    const send = form.querySelector("[formaction]");
    send.value = `${row.account_id}:${send.name === "position" ? row.contract_id : row.id}`;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send(editor, form, send, asked);
    });
    line.after(editor);
    form.querySelector("label:not([hidden]) input").select();
    form.querySelector("label:not([hidden]) input").focus();
  }

  async #send(editor, form, send, asked) {
    const fields = Object.fromEntries(new FormData(form));
    // What was not touched is left as it is at Tradovate, whatever the page shows.
    for (const [name, was] of Object.entries(asked)) if (fields[name] === was) delete fields[name];
    const answer = await this.acts.press(send, fields);
    if (!answer) return;
    const wrong = answer.findings.filter(({ severity }) => severity === "error");
    if (answer.intent) this.#close(editor);
    for (const input of form.elements) {
      input.setAttribute("aria-invalid", String(wrong.some(({ field }) => field === input.name)));
    }
    form.querySelector("[data-errors]").textContent = wrong.map(({ message }) => message).join(" ");
  }

  #close(editor) {
    if (!editor) return;
    const line = editor.previousElementSibling;
    // Whoever has gone on to something else meanwhile stays there.
    const isHere = hasFocus(editor);
    editor.remove();
    if (isHere) line?.querySelector("[data-edit]")?.focus();
  }
}

/** Fill an editor in with what its row has; what the row has not is not offered. Returns what was filled in. */
function fillIn(editor, row) {
  const asked = {};
  // TrailingStopNonOrderQtyModify (openapi.json, failureReason).
  const isTrailing = row.type?.startsWith("Trailing") ?? false;
  for (const hint of editor.querySelectorAll("[data-trailing]")) hint.hidden = !isTrailing;
  for (const label of editor.querySelectorAll("[data-from]")) {
    const value = row[label.dataset.from];
    const input = label.querySelector("input");
    const isFixed = isTrailing && label.dataset.from !== "qty";
    label.hidden = input.disabled = isFixed || !/\d/.test(value);
    input.value = input.disabled ? "" : value;
    asked[input.name] = input.value;
  }
  return asked;
}
