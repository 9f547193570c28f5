// Runs before the first paint (a classic script in the head), so that the chosen theme never flashes the other one and
// panels that are folded away do not fold before one's eyes. What is chosen is this person's in this browser (dom.js).
(() => {
  const THEME = "tradeport.theme";
  const FOLDED = "tradeport.folded";
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  function stored(key) {
    try {
      // Before anybody has signed in, the last one's theme is the best guess.
      return localStorage.getItem(`${key} ${root.dataset.person}`) ?? localStorage.getItem(key);
    } catch {
      return null; // storage is switched off: the system's theme is used
    }
  }

  function keep(value) {
    try {
      for (const key of [`${THEME} ${root.dataset.person}`, THEME]) localStorage.setItem(key, value);
    } catch {
      // not remembered, but it still holds for this page
    }
  }

  function current() {
    return root.dataset.theme || (dark.matches ? "dark" : "light");
  }

  /** Use "dark", "light" or, with "", what the system uses. */
  function use(theme) {
    if (theme === "dark" || theme === "light") root.dataset.theme = theme;
    else delete root.dataset.theme;
  }

  root.dataset.scripted = "";
  root.dataset.folded = stored(FOLDED) ?? "";
  use(stored(THEME));

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-toggle]");
    const select = document.querySelector("[data-theme-select]");
    const label = () => {
      button?.setAttribute("aria-label", `Use the ${current() === "dark" ? "light" : "dark"} theme`);
      if (select) select.value = root.dataset.theme ?? "";
    };
    const choose = (theme) => {
      use(theme);
      keep(theme);
      label();
    };
    document.querySelector(".bar nav [aria-current]")?.scrollIntoView({ inline: "nearest", block: "nearest" });
    label();
    dark.addEventListener("change", label);
    addEventListener("storage", ({ key }) => {
      if (key !== `${THEME} ${root.dataset.person}`) return; // another tab's choice
      use(stored(THEME));
      label();
    });
    select?.addEventListener("change", () => choose(select.value));
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", () => choose(current() === "dark" ? "light" : "dark"));
  });
})();
