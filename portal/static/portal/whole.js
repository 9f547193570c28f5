// Says when this page did not load completely, and loads the desk again: without its modules it looks alive, and shows
// no fill. Until they have run it asks before a press goes out, as they would. A classic script before them, since only
// who listens already hears of one that is missing.
(() => {
  const PATIENCE = 30_000; // milliseconds until modules that are still on their way are told of
  const [FIRST_PAUSE, LONGEST_PAUSE] = [2_000, 60_000]; // before the desk is loaded again; twice as long each time
  const TRIES = "tradeport.tries";
  const WORDS = "This page did not load completely, and shows nothing new.";
  let again = null;
  let isTold = false;
  let isTyped = false;

  /** How often this tab has loaded again in vain. */
  function tries(count) {
    try {
      if (count !== undefined) sessionStorage.setItem(TRIES, count);
      return Number(sessionStorage.getItem(TRIES));
    } catch {
      return 5; // storage is switched off: nothing is loaded again in haste
    }
  }

  function say(words) {
    const notice = document.querySelector("#link-notice");
    notice.querySelector("[data-text]").textContent = `${WORDS} ${words}`;
    notice.hidden = false;
  }

  function tell(isLost) {
    if (isTold || document.body.dataset.live !== undefined) return;
    isTold = true;
    document.body.toggleAttribute("data-stale", true);
    document.querySelector("[data-upstream]").dataset.link = "down";
    document.querySelector("[data-upstream-words]").textContent = "not live";
    // What answers a press, such as a ticket with mistakes, has another address and cannot be loaded again.
    const isDesk = location.pathname === document.querySelector(".brand").pathname;
    // What is on its way may come yet, and would have to begin anew.
    if (!isLost || !isDesk || isTyped) {
      say("Load it again.");
      return;
    }
    say("It is loaded again in a moment.");
    again = setTimeout(() => location.reload(), Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** tries()));
    tries(tries() + 1);
  }

  function typed() {
    isTyped = true;
    if (again === null) return;
    clearTimeout(again);
    again = null;
    say("Load it again.");
  }

  /** What is to be asked before `button` posts its form as it stands, unchecked and for all accounts; empty for nothing. */
  function question({ dataset: { asks, words = "", ofAll, send }, textContent }) {
    if (send !== undefined) return "Send this order? It has not been checked yet.";
    if (ofAll !== undefined) return `${asks ?? `${textContent}?`} ${words || "In all accounts."}`;
    return asks ? `${asks} ${words}`.trim() : "";
  }

  function ask(event) {
    const asked = document.body.dataset.live === undefined && event.submitter ? question(event.submitter) : "";
    if (asked && !confirm(asked)) event.preventDefault();
  }

  addEventListener("submit", ask, true);
  addEventListener("input", typed, true);
  addEventListener("error", ({ target }) => target.type === "module" && setTimeout(tell, 0, true), true);
  addEventListener("tradeport:live", () => tries(0));
  setTimeout(tell, PATIENCE, false);
})();
