// One socket to the desk's stream that comes back by itself. It knows frames only as JSON.

import { backOff } from "./state.js";

const SIGNED_OUT = 4401;
const TOO_MANY = 4429;
const SILENCE = 20_000; // after this long without a frame the server is asked for one
const PATIENCE = 5_000; // and after this long without an answer the socket is given up as half open

export class DeskSocket {
  /**
   * @param {string} url where to connect, ws:// or wss://
   * @param {{frame: (frame: object) => void, up: () => void, down: (tooMany: boolean) => void, signedOut: () => void}} on
   */
  constructor(url, on) {
    this.url = url;
    this.on = on;
    this.attempt = 0;
    this.ended = false;
    addEventListener("online", () => this.#now());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#now());
    // A page that comes out of the back-forward cache finds its socket closed.
    addEventListener("pageshow", (event) => event.persisted && this.#now());
    this.#connect();
  }

  /** Ask for a snapshot. */
  resync() {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send('{"t":"resync"}');
  }

  #connect() {
    clearTimeout(this.retry);
    const socket = (this.socket = new WebSocket(this.url));
    socket.onopen = () => this.#listen(socket);
    socket.onmessage = (message) => {
      if (socket !== this.socket) return;
      if (this.attempt > 0 || !this.isUp) this.#isUp();
      this.#listen(socket);
      const frame = JSON.parse(message.data);
      if (frame.t === "bye") this.#end();
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
    this.attempt = 0;
    this.on.up();
  }

  #listen(socket) {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.resync();
      this.silence = setTimeout(() => {
        if (socket !== this.socket) return;
        socket.onclose = null;
        socket.close();
        this.#again();
      }, PATIENCE);
    }, SILENCE);
  }

  #again(code) {
    clearTimeout(this.silence);
    this.isUp = false;
    this.on.down(code === TOO_MANY);
    this.retry = setTimeout(() => this.#connect(), backOff(this.attempt));
    this.attempt += 1;
  }

  #now() {
    if (!this.ended && this.socket.readyState === WebSocket.CLOSED) this.#connect();
  }

  #end() {
    this.ended = true;
    clearTimeout(this.silence);
    this.socket.close();
    this.on.signedOut();
  }
}
