// Short notices in the corner that go away by themselves, read out once; and a sound for fills and refusals, if wanted.

import { announce, recall, remember } from "./dom.js";

const STAYS = { error: 12_000, warning: 12_000, success: 6_000, info: 6_000 };
const MOST = 4;
const ALARMING = new Set(["error", "warning"]);
// Two notes up for a fill, one low one for a refusal: hertz, one after another.
const NOTES = { success: [660, 880], error: [220, 180], warning: [330] };

/** Under this key it is kept whether sounds are wanted: "on" when they are. */
export const SOUND = "tradeport.sound";

/** Show `text` as a notice of a level (success, info, warning, error); `link` is {href, text} for more about it. */
export function toast(level, text, link) {
  const region = document.querySelector("#toasts") ?? makeRegion();
  const box = document.createElement("div");
  box.className = "toast notice";
  box.dataset.level = level;
  const words = document.createElement("span");
  words.textContent = text;
  box.append(words);
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link.href;
    anchor.textContent = link.text;
    box.append(anchor);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button quiet";
  close.setAttribute("aria-label", "Close this notice");
  close.textContent = "×";
  close.addEventListener("click", () => box.remove());
  box.append(close);
  region.append(box);
  while (region.children.length > MOST) leastMissed(region).remove();
  leaveAfter(box, STAYS[level] ?? 6_000);
  announce(text);
  return box;
}

/** Whether sounds are wanted in this browser. */
export function soundIsOn() {
  return recall(SOUND) === "on";
}

/** Switch sounds on or off, and remember it. */
export function setSound(on) {
  remember(SOUND, on ? "on" : "off");
  if (on) chime("success");
}

let audio;

/** Play the notes of a level, if sounds are wanted. */
export function chime(level) {
  if (!soundIsOn()) return;
  audio ??= new AudioContext();
  // One that was made before its page was first touched stays silent until it is asked.
  if (audio.state === "suspended") audio.resume();
  const volume = audio.createGain();
  volume.gain.value = 0.08;
  volume.connect(audio.destination);
  (NOTES[level] ?? []).forEach((hertz, index) => {
    const tone = audio.createOscillator();
    tone.frequency.value = hertz;
    tone.connect(volume);
    tone.start(audio.currentTime + index * 0.12);
    tone.stop(audio.currentTime + index * 0.12 + 0.1);
  });
}

/** The one of too many notices that goes: the oldest, but what is being read, and what is wrong, stays before the rest. */
function leastMissed(region) {
  const old = [...region.children].slice(0, -1);
  const unread = old.filter((box) => !isRead(box));
  return unread.find(({ dataset }) => !ALARMING.has(dataset.level)) ?? unread[0] ?? old[0];
}

function isRead(box) {
  return box.matches(":hover, :focus-within");
}

/** A notice that is being read or has the focus stays, and so does one that nobody can have seen: what is behind a dialog waits. */
function leaveAfter(box, milliseconds) {
  setTimeout(() => {
    const dialog = document.querySelector("dialog[open]");
    if (dialog) dialog.addEventListener("close", () => leaveAfter(box, milliseconds), { once: true });
    else if (document.hidden) document.addEventListener("visibilitychange", () => leaveAfter(box, milliseconds), { once: true });
    else if (isRead(box)) leaveAfter(box, 2_000);
    else box.remove();
  }, milliseconds);
}

function makeRegion() {
  const region = document.createElement("div");
  region.id = "toasts";
  region.className = "toasts";
  document.body.append(region);
  return region;
}
