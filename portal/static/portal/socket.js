// One socket to the desk's stream that comes back by itself. It knows frames only as JSON.

import { backOff } from "./state.js";

const SIGNED_OUT = 4401;
const TOO_MANY = 4429;
const SILENCE = 20_000; // after this long without a frame the server is asked for one
const PATIENCE = 5_000; // and after this long without an answer the socket is given up as half open
const FRESH = 3_000; // while all is well something is heard every 2.5 s, Tradovate's heartbeat
const STEADY = 10_000; // a socket that ends before this counts as another failed attempt

export class DeskSocket {
  /**
   * @param {string} url where to connect, ws:// or wss://
   * @param {{frame: (frame: object) => void, up: () => void, down: (tooMany: boolean) => void, signedOut: (reason?: string) => void}} on
   */
  constructor(url, on) {
    this.url = url;
    this.on = on;
    this.attempt = 0;
    this.isUp = false;
    this.ended = false;
    this.listening = new AbortController();
    const until = { signal: this.listening.signal };
    addEventListener("online", () => this.#now(), until);
    // After a sleep the socket may look open and be dead.
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#now(), until);
    // A page that comes out of the back-forward cache finds its socket closed.
    addEventListener("pageshow", (event) => event.persisted && this.#now(), until);
    this.#connect();
  }

  /** Ask for a snapshot. */
  resync() {
    this.send({ t: "resync" });
  }

  /** Send a message; true when there is a socket that takes it. What cannot be sent now is not sent. */
  send(message) {
    const isOpen = this.socket?.readyState === WebSocket.OPEN;
    if (isOpen) this.socket.send(JSON.stringify(message));
    return isOpen;
  }

  /** Close for good; nothing is told any more. */
  close() {
    this.ended = true;
    this.listening.abort();
    clearTimeout(this.silence);
    clearTimeout(this.retry);
    this.socket.onmessage = null;
    this.socket.close();
  }

  #connect() {
    clearTimeout(this.retry);
    const socket = (this.socket = new WebSocket(this.url));
    this.#listen(socket);
    socket.onmessage = (message) => {
      if (socket !== this.socket) return;
      if (!this.isUp) this.#isUp();
      this.heardAt = Date.now();
      this.#listen(socket);
      const frame = JSON.parse(message.data);
      if (frame.t === "bye") this.#end(frame.reason);
      else this.on.frame(frame);
    };
    socket.onclose = (event) => {
      if (socket !== this.socket || this.ended) return;
      if (event.code === SIGNED_OUT) this.#end();
      else this.#again(event.code);
    };
  }

  #isUp() {
    this.isUp = true;
    this.upSince = Date.now();
    this.on.up();
  }

  #listen(socket) {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.#probe(socket), SILENCE);
  }

  /** Give the socket PATIENCE to show that it lives. */
  #probe(socket) {
    clearTimeout(this.silence);
    this.resync();
    this.silence = setTimeout(() => {
      if (socket !== this.socket) return;
      socket.onclose = null;
      socket.close();
      this.#again();
    }, PATIENCE);
  }

  #again(code) {
    clearTimeout(this.silence);
    // Where every socket ends at once, each new one is another failed attempt, however well it began.
    if (this.isUp && Date.now() - this.upSince > STEADY) this.attempt = 0;
    this.isUp = false;
    this.on.down(code === TOO_MANY);
    this.retry = setTimeout(() => this.#connect(), backOff(this.attempt));
    this.attempt += 1;
  }

  #now() {
    if (this.ended) return;
    if (this.socket.readyState === WebSocket.CLOSED) this.#connect();
    else if (this.isUp && Date.now() - this.heardAt > FRESH) this.#probe(this.socket);
  }

  #end(reason) {
    this.close();
    this.on.signedOut(reason);
  }
}
