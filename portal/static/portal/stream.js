// Follows the desk's stream on every page of a signed-in trader: the pill in the bar, what is stopped,
// the desk's tables, a file's lines.

import { ChartChoice } from "./chart_choice.js";
import { Desk } from "./desk.js";
import { focusOn, localise, setText } from "./dom.js";
import { RequestGauge } from "./gauge.js";
import { KillBanner } from "./kill.js";
import { FileLines } from "./lines.js";
import { OrderPage } from "./order_page.js";
import { personal, personalRow } from "./personal.js";
import { ReplayDesk } from "./replay.js";
import { watchSeen } from "./seen.js";
import { DeskSocket } from "./socket.js";
import { applyFrame, emptyState, isWaiting } from "./state.js";
import { UpstreamPill } from "./upstream.js";

const PING_EVERY = 10_000; // milliseconds
const SETTLED = 2_000; // milliseconds
const OTHER = "You have signed in to another connection in this browser since. Nothing here is live any more: reload the page to see that one.";

const { stream, signIn, connection } = document.body.dataset;
const deskRoot = document.querySelector("[data-desk]");
const replayRoot = document.querySelector("[data-replay]");
const fileRoot = document.querySelector("[data-file]");

localise(document);
let focused = ""; // the id of the part with the focus while that part is drawn anew

document.addEventListener("htmx:afterSwap", () => {
  localise(document);
  const part = document.activeElement === document.body && document.getElementById(focused);
  // What has the id of what had the focus gets it of htmx; it may be gone.
  if (part) focusOn(part.querySelector("h1, h2") ?? part);
});
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  focused = detail.target.contains(document.activeElement) ? detail.target.id : "";
  // Who has been signed out meanwhile is answered with another page.
  if (new URL(detail.xhr.responseURL).pathname === new URL(detail.requestConfig.path, location.href).pathname) return;
  detail.shouldSwap = false;
  location.reload();
});

const state = emptyState();
const pill = new UpstreamPill();
const killBanner = new KillBanner();
const gauge = deskRoot && new RequestGauge(deskRoot.querySelector("[data-gauge]"));
const lines = fileRoot && new FileLines(fileRoot);
// The chart's library is large: only pages with a chart load it, and the figures do not wait for it.
const chartRoot = document.querySelector("[data-chart]");
const choice = chartRoot && new ChartChoice(chartRoot, connection);
const own = deskRoot ? JSON.parse(document.getElementById("own-accounts").textContent) : {};
const desk = deskRoot && new Desk(deskRoot, connection, own, choice);
const replay = replayRoot && new ReplayDesk(replayRoot);
const chart = chartRoot && import("./chart.js").then(({ DeskChart }) => new DeskChart(chartRoot, choice)).catch(tellNoChart);
const orderPage = document.querySelector("[data-intent-page]") && new OrderPage();

if (deskRoot) watchSeen(deskRoot, state, (orders) => socket.send({ t: "seen", orders }));

const url = new URL(stream, location.href);
url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
if (gauge) url.searchParams.set("gauge", "1");
if (desk || orderPage) url.searchParams.set("intents", "1");
if (lines) url.searchParams.set("file", lines.file);

const socket = new DeskSocket(url.href, {
  frame(frame) {
    if (frame.t === "line" || frame.t === "lines") {
      lines?.show(frame);
      return;
    }
    if (frame.t === "kill") {
      killBanner.show(frame);
      return;
    }
    if (frame.t === "stage") {
      desk?.tellStage(frame.words, frame.seconds);
      return;
    }
    if (frame.t === "gauge") {
      gauge?.show(frame.gauge);
      return;
    }
    if (frame.t === "pong") {
      pill.roundTrip(performance.now() - frame.at);
      return;
    }
    if (frame.at) pill.heard(frame.at);
    if (frame.rows) frame.rows = personal(frame.rows, own);
    if (frame.row) frame.row = personalRow(frame.key, frame.row, own);
    const result = applyFrame(state, frame);
    if (result.gap) {
      socket.resync();
      return;
    }
    if (result.changed.includes("upstream")) pill.row(state.rows.get("upstream"), !isWaiting(state));
    orderPage?.show(state.rows, result);
    if (!result.fresh && !result.changed.length && !result.gone.length) return;
    desk?.show(state, result);
    replay?.show(state);
    chart?.then((drawn) => drawn?.show(state, result));
  },
  up() {
    pill.setLink("up");
    desk?.tellStage("");
    ping();
    setTimeout(ping, SETTLED); // the first one had to wait for a page that was being built
  },
  down(tooMany) {
    state.waiting = true; // what was missed meanwhile comes with the snapshot that follows
    pill.setLink("down", tooMany ? "You have too many Tradeport pages open: close some and this one goes on." : undefined);
    desk?.tellTitle();
  },
  signedOut(reason) {
    if (reason === "other-connection") {
      pill.row({ ...state.rows.get("upstream"), state: "signed-out", detail: OTHER });
      return;
    }
    location.assign(`${signIn}?next=${encodeURIComponent(location.pathname)}`);
  },
});

addEventListener("tradeport:stale", () => desk?.tellTitle());

function tellNoChart() {
  chartRoot.dataset.state = "failed";
  setText(chartRoot.querySelector("[data-chart-status]"), "The chart did not load. Load the page again.");
}

/** What a page in the background measures is how slow its browser lets it be. */
function ping() {
  if (document.visibilityState === "visible") socket.send({ t: "ping", at: performance.now() });
}
setInterval(ping, PING_EVERY);
document.addEventListener("visibilitychange", ping);

/** Names and limits that were changed on another page: seen when this one is looked at again. */
async function learnOwn() {
  if (!deskRoot || document.visibilityState !== "visible") return;
  const answer = await fetch(deskRoot.dataset.own, { redirect: "manual" }).catch(() => null);
  if (!answer?.ok) return; // what is known holds
  const found = await answer.json();
  if (JSON.stringify(found) === JSON.stringify(own)) return;
  for (const account of Object.keys(own)) delete own[account];
  Object.assign(own, found);
  socket.resync();
}
document.addEventListener("visibilitychange", learnOwn);
addEventListener("focus", learnOwn);

// All of this has been loaded and has run (whole.js).
document.body.dataset.live = "";
dispatchEvent(new Event("tradeport:live"));
