// Buttons that copy the text of an element: <button data-copy="its-id" hidden>. Without scripts they stay hidden.

import { announce } from "./dom.js";

const SHOWN_FOR = 2000; // milliseconds

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.firstChild;
  const before = label.nodeValue;
  let timer = 0;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const done = await copy(document.getElementById(button.dataset.copy));
    label.nodeValue = done ? "Copied" : "Selected: press Ctrl+C";
    announce(label.nodeValue);
    clearTimeout(timer);
    timer = setTimeout(() => (label.nodeValue = before), SHOWN_FOR);
  });
}

/** Copy the element's text; where the browser does not let us, select it and say so (false). */
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    return false;
  }
}
