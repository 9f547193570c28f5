// Follows the desk's stream on every page of a signed-in trader: the pill in the bar, the desk's tables, a file's lines.

import { Desk } from "./desk.js";
import { localise } from "./dom.js";
import { RequestGauge } from "./gauge.js";
import { FileLines } from "./lines.js";
import { DeskSocket } from "./socket.js";
import { applyFrame, emptyState } from "./state.js";
import { UpstreamPill } from "./upstream.js";

const { stream, signIn, connection } = document.body.dataset;
const deskRoot = document.querySelector("[data-desk]");
const fileRoot = document.querySelector("[data-file]");

localise(document);
document.addEventListener("htmx:afterSwap", () => localise(document));

const state = emptyState();
const pill = new UpstreamPill();
const desk = deskRoot && new Desk(deskRoot, connection);
const gauge = deskRoot && new RequestGauge(deskRoot.querySelector("[data-gauge]"));
const lines = fileRoot && new FileLines(fileRoot);

const url = new URL(stream, location.href);
url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
if (gauge) url.searchParams.set("gauge", "1");
if (lines) url.searchParams.set("file", lines.file);

const socket = new DeskSocket(url.href, {
  frame(frame) {
    if (frame.t === "line" || frame.t === "lines") {
      lines?.show(frame);
      return;
    }
    if (frame.t === "gauge") {
      gauge?.show(frame.gauge);
      return;
    }
    if (frame.at) pill.heard(frame.at);
    const result = applyFrame(state, frame);
    if (result.gap) {
      socket.resync();
      return;
    }
    if (result.changed.includes("upstream")) pill.row(state.rows.get("upstream"));
    if (result.fresh || result.changed.length || result.gone.length) desk?.show(state, result);
  },
  up() {
    pill.setLink("up");
  },
  down(tooMany) {
    state.waiting = true; // what was missed meanwhile comes with the snapshot that follows
    pill.setLink("down", tooMany ? "You have too many Tradeport pages open: close some and this one goes on." : undefined);
  },
  signedOut() {
    location.assign(`${signIn}?next=${encodeURIComponent(location.pathname)}`);
  },
});
