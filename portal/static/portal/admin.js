// Django's admin gives the fields that look things up no name of their own: here they get that of their label.

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
