// Counts down the seconds that a notice asks to wait ([data-wait] holds them), and says when they are over.

import { remaining } from "./figures.js";

for (const notice of document.querySelectorAll("[data-wait]")) {
  const until = Date.now() + Number(notice.dataset.wait) * 1000;
  const show = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    notice.textContent = left > 0 ? `Try again in ${remaining(left)}.` : "You can try again now.";
    if (left <= 0) clearInterval(timer);
  };
  const timer = setInterval(show, 500);
}
