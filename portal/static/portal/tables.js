// Rows of the desk's tables, patched cell by cell. Nothing that comes from the stream is ever parsed as HTML.

import { flash, localTime } from "./dom.js";
import { direction, tone, UNKNOWN } from "./figures.js";
import { kindOf, ORDER } from "./state.js";

/** The table of one kind: `<tbody data-rows="position">` beside `<template data-template="position">`. */
export class RowTable {
  constructor(body) {
    this.body = body;
    this.kind = body.dataset.rows;
    this.template = document.querySelector(`template[data-template="${this.kind}"]`);
    this.elements = new Map([...body.querySelectorAll("[data-row]")].map((row) => [row.dataset.row, row]));
  }

  /** Show `row` under `key`, in its place among `rows` (all rows of the state, by key). */
  patch(key, row, rows, { mayFlash }) {
    let element = this.elements.get(key);
    const isNew = !element;
    if (isNew) {
      element = this.template.content.firstElementChild.cloneNode(true);
      element.dataset.row = key;
      this.elements.set(key, element);
    }
    element.dataset.account = this.kind === "account" ? row.id : row.account_id;
    for (const cell of element.querySelectorAll("[data-field]")) patchCell(cell, row, mayFlash && !isNew);
    if (isNew) this.#place(element, row, rows);
    if (isNew && mayFlash) element.classList.add("arrived");
    return isNew;
  }

  remove(key) {
    this.elements.get(key)?.remove();
    this.elements.delete(key);
  }

  /** Put every row in its order, after a snapshot. */
  sort(rows) {
    const known = [...this.elements.keys()].filter((key) => rows.has(key));
    known.sort((a, b) => ORDER[this.kind](rows.get(a), rows.get(b)));
    known.forEach((key, index) => {
      const element = this.elements.get(key);
      if (this.body.children[index] !== element) this.body.insertBefore(element, this.body.children[index] ?? null);
    });
  }

  #place(element, row, rows) {
    const after = [...this.body.children].find((other) => {
      const its = rows.get(other.dataset.row);
      return its && ORDER[this.kind](row, its) < 0;
    });
    this.body.insertBefore(element, after ?? null);
  }
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
