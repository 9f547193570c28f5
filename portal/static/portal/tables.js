// Rows of the desk's tables, patched cell by cell. Nothing that comes from the stream is ever parsed as HTML.

import { flash, focusOn, localTime } from "./dom.js";
import { direction, tone, UNKNOWN } from "./figures.js";
import { kindOf, ORDER } from "./state.js";

const FLASHING = 20; // rows that have just arrived, at most: each one costs time in every frame

/**
 * The table of one kind: `<tbody data-rows="position">` beside `<template data-template="position">`. With data-most it
 * shows no more than so many rows, the first of their order: laying out thousands for each new one stalls the page.
 */
export class RowTable {
  constructor(body) {
    this.body = body;
    this.kind = body.dataset.rows;
    this.most = Number(body.dataset.most ?? Infinity);
    this.account = ""; // the only account that is shown, or empty
    this.dress = (row) => row; // what a row shows beside what it says itself
    this.template = document.querySelector(`template[data-template="${this.kind}"]`);
    this.elements = new Map([...body.querySelectorAll("[data-row]")].map((row) => [row.dataset.row, row]));
  }

  /** The keys of those of `rows` that belong into this table. */
  keys(rows) {
    return [...rows.keys()].filter((key) => kindOf(key) === this.kind && this.#isWanted(rows.get(key)));
  }

  /** Show `rows` (all rows of the state, by key) instead of what was shown. */
  show(rows) {
    const order = ORDER[this.kind];
    const keys = this.keys(rows).sort((a, b) => order(rows.get(a), rows.get(b))).slice(0, this.most);
    const wanted = new Set(keys);
    for (const key of [...this.elements.keys()]) if (!wanted.has(key)) this.remove(key);
    const elements = keys.map((key) => {
      const element = this.elements.get(key) ?? this.#make(key);
      this.#fill(element, rows.get(key), false);
      element.hidden = false;
      return element;
    });
    arrange(this.body, elements);
  }

  /** Show the new or changed `row` under `key`, in its place among `rows`. */
  patch(key, row, rows) {
    if (!this.#isWanted(row)) return;
    const known = this.elements.get(key);
    const element = known ?? this.#make(key);
    this.#fill(element, row, Boolean(known));
    if (known) return;
    element.classList.add("arrived");
    this.#place(element, row, rows);
    this.body.children[FLASHING]?.classList.remove("arrived");
    if (this.elements.size > this.most) this.remove(this.body.lastElementChild.dataset.row);
  }

  /** Write those lines once more that show what `dress` adds to one of `rows` for which `isOther`. */
  renew(rows, isOther) {
    for (const [key, element] of this.elements) {
      const row = rows.get(key);
      if (row && isOther(row)) this.#fill(element, row, false);
    }
  }

  remove(key) {
    const element = this.elements.get(key);
    if (element) takeAway(element);
    this.elements.delete(key);
  }

  #isWanted(row) {
    return this.account === "" || this.account === (this.kind === "account" ? row.id : row.account_id);
  }

  #make(key) {
    const element = this.template.content.firstElementChild.cloneNode(true);
    element.dataset.row = key;
    this.elements.set(key, element);
    return element;
  }

  #fill(element, row, mayFlash) {
    element.dataset.account = this.kind === "account" ? row.id : row.account_id;
    fillRow(element, this.dress(row), mayFlash);
  }

  #place(element, row, rows) {
    const after = [...this.body.children].find((other) => {
      const its = rows.get(other.dataset.row);
      return its && ORDER[this.kind](row, its) < 0;
    });
    this.body.insertBefore(element, after ?? null);
  }
}

/** Put `elements` into `body` in their order; what belongs to a row, its editor, stays right below it. */
export function arrange(body, elements) {
  let previous = null;
  for (const element of elements) {
    const editor = editorOf(element);
    const place = previous ? previous.nextElementSibling : body.firstElementChild;
    if (place !== element) body.insertBefore(element, place);
    if (editor && element.nextElementSibling !== editor) element.after(editor);
    previous = editor ?? element;
  }
}

/** The editor that is open below a row. */
export function editorOf(element) {
  const below = element.nextElementSibling;
  return below?.dataset.editorOf === element.dataset.row ? below : null;
}

/**
 * Take a row away with its editor. The focus goes on to the row itself that takes its place, on none of whose buttons
 * somebody presses by mistake then, else to the heading.
 */
export function takeAway(element) {
  const editor = editorOf(element);
  const hadFocus = element.contains(document.activeElement) || editor?.contains(document.activeElement);
  const next = (editor ?? element).nextElementSibling ?? element.previousElementSibling;
  const place = next ?? element.closest(".panel").querySelector("h2");
  editor?.remove();
  element.remove();
  if (hadFocus) focusOn(place);
}

/** All tables of the page, by kind. */
export function findTables() {
  const bodies = document.querySelectorAll("tbody[data-rows]");
  return new Map([...bodies].map((body) => [body.dataset.rows, new RowTable(body)]));
}

/** The table that shows `key`, if this page has it. */
export function tableFor(tables, key) {
  return tables.get(kindOf(key));
}

/**
 * Write `row` into the element of a row: cells ([data-field]), what its buttons are about ([data-target] names
 * a field: "account:field"), addresses ([data-href] and [data-formaction], with 0 for the id or for the field that
 * [data-id-from] names; [data-chart-link], of the contract), names and what is said where they ask ([data-label-for] and
 * [data-words-for] with {field}).
 */
export function fillRow(element, row, mayFlash) {
  for (const cell of element.querySelectorAll("[data-field]")) patchCell(cell, row, mayFlash);
  for (const button of element.querySelectorAll("[data-target]")) button.value = `${row.account_id}:${row[button.dataset.target] ?? ""}`;
  for (const link of element.querySelectorAll("[data-href]")) link.setAttribute("href", link.dataset.href.replace("/0/", `/${encodeURIComponent(row.id)}/`));
  for (const link of element.querySelectorAll("[data-chart-link]")) link.search = new URLSearchParams({ symbol: row.symbol });
  for (const button of element.querySelectorAll("[data-formaction]")) {
    button.setAttribute("formaction", button.dataset.formaction.replace("/0/", `/${row[button.dataset.idFrom ?? "id"]}/`));
  }
  const filled = (text) => text.replace(/\{(\w+)\}/g, (_, name) => row[name] ?? "");
  for (const button of element.querySelectorAll("[data-label-for]")) button.setAttribute("aria-label", filled(button.dataset.labelFor));
  for (const button of element.querySelectorAll("[data-words-for]")) button.dataset.words = filled(button.dataset.wordsFor);
}

function patchCell(cell, row, mayFlash) {
  const value = row[cell.dataset.field] ?? "";
  if ("time" in cell.dataset) {
    cell.setAttribute("datetime", value);
    localTime(cell);
    return;
  }
  const before = cell.textContent;
  if (before === value) return;
  cell.textContent = value;
  cell.toggleAttribute("data-blank", value === UNKNOWN);
  if ("signed" in cell.dataset) cell.dataset.tone = tone(value);
  if ("side" in cell.dataset) cell.dataset.side = value;
  if ("flash" in cell.dataset && mayFlash && before !== UNKNOWN) {
    const moved = cell.dataset.flash === "direction" ? direction(before, value) : 0;
    flash(cell, { 1: "flash-up", 0: "flash", [-1]: "flash-down" }[moved]);
  }
}
