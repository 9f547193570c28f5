// What Django's admin leaves out: the fields that look things up get the name of their label, and tables that are wider
// than the page can be scrolled by keyboard.

function nameBoxes() {
  for (const box of document.querySelectorAll(".select2-selection:not([data-named])")) {
    const label = box.closest(".select2-container").previousElementSibling?.labels?.[0];
    const value = box.querySelector(".select2-selection__rendered");
    if (!label || !value) continue;
    box.dataset.named = "";
    label.id ||= `${label.htmlFor}_label`;
    box.setAttribute("aria-labelledby", `${label.id} ${value.id}`);
    value.setAttribute("aria-labelledby", label.id);
  }
}

new MutationObserver(nameBoxes).observe(document.body, { childList: true, subtree: true });
nameBoxes();

function reachWhatScrolls() {
  for (const group of document.querySelectorAll(".inline-group")) {
    const heading = group.querySelector("h2");
    if (!heading || group.scrollWidth <= group.clientWidth) {
      group.removeAttribute("tabindex");
      continue;
    }
    heading.id ||= `${group.id}-title`;
    group.tabIndex = 0;
    group.setAttribute("role", "region");
    group.setAttribute("aria-labelledby", heading.id);
  }
}

addEventListener("resize", reachWhatScrolls);
reachWhatScrolls();
