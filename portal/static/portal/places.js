// Where the rows with buttons stand on the screen, and since when: what has just come under the pointer by itself, as
// others went or came, is not what was aimed at.

const UNSEEN = 400; // milliseconds after which somebody who presses has seen where the rows are
const SEEN = -Infinity;

/**
 * Where everything stands, and since when. Pure.
 *
 * @param {Map<object, {top: number, bottom: number}>} stands in pixels of the screen
 * @param {Map<object, object>} known what this returned before
 * @param {number} now milliseconds, since when it stands there that stood elsewhere before
 * @returns {Map<object, {top: number, bottom: number, since: number, from: {top: number, bottom: number}|undefined}>}
 */
export function placesOf(stands, known, now) {
  const places = [...stands].map(([what, { top, bottom }]) => {
    const was = known.get(what);
    if (was && Math.abs(was.top - top) < 1) return [what, { ...was, bottom }];
    // Of what moves twice in a moment nobody has seen where it stood in between; nor is it seen by being scrolled.
    const isUnseen = was && (now === SEEN || now - was.since < UNSEEN);
    const from = isUnseen ? was.from : was && { top: was.top, bottom: was.bottom };
    return [what, { top, bottom, since: Math.max(now, was?.since ?? SEEN), from }];
  });
  return new Map(places);
}

/** Whether what stands at `place` has just come to the height `y`. Pure. */
export function hasJustCome({ since, from }, y, now) {
  return now - since < UNSEEN && !(from && from.top <= y && y <= from.bottom);
}

export class Places {
  constructor(root) {
    this.bodies = [...root.querySelectorAll('[data-orders], [data-rows="position"]')];
    this.button = root.querySelector("[data-cancel-all]");
    this.places = new Map();
    this.#look(SEEN);
    const sizes = new ResizeObserver(() => this.#look(performance.now()));
    // On a tall screen the page stays as high as it is whatever comes above the rows, such as a notice.
    const above = [...root.parentElement.children, ...root.children, ...root.querySelectorAll("[data-part]")];
    for (const element of [...above, ...this.bodies]) sizes.observe(element);
    // One row for another: no size changes, yet whoever is observed anew is told of after the next layout.
    const rows = new MutationObserver(() => {
      this.isDue = true;
      sizes.unobserve(root);
      sizes.observe(root);
    });
    for (const body of this.bodies) rows.observe(body, { childList: true });
    // What somebody has moved by a tab, a fold or an editor, or has scrolled, was not moved under their hand.
    for (const name of ["click", "change"]) root.addEventListener(name, () => this.#look(SEEN));
    addEventListener("resize", () => this.#look(SEEN));
    // What has become longer or shorter may have been scrolled by that.
    const scrolled = () => this.#look(this.#lengths() === this.lengths ? SEEN : performance.now());
    addEventListener("scroll", scrolled, { capture: true, passive: true });
  }

  /** Whether a pointer's click on `button` hits a row that has just come there by itself. */
  isSurprise(button, { clientY, timeStamp }) {
    // Nobody has seen the rows that came since the last layout. What no observer has noticed may be long ago, and counts
    // as seen: a press that is meant is not dropped for it.
    if (this.isDue) this.#look(performance.now());
    const place = this.places.get(button.closest("tr") ?? button);
    return place !== undefined && hasJustCome(place, clientY, timeStamp);
  }

  #look(now) {
    this.isDue = false;
    const stands = new Map([[this.button, this.button.getBoundingClientRect()]]);
    for (const body of this.bodies) {
      const end = Math.min(innerHeight, body.closest(".scroll").getBoundingClientRect().bottom);
      for (const row of body.children) {
        const place = row.getBoundingClientRect();
        if (place.top > end) break; // there may be hundreds that nobody can press
        stands.set(row, place);
      }
    }
    this.places = placesOf(stands, this.places, now);
    this.lengths = this.#lengths();
  }

  #lengths() {
    const scrolled = [document.scrollingElement, ...this.bodies.map((body) => body.closest(".scroll"))];
    return scrolled.map(({ scrollHeight }) => scrollHeight).join();
  }
}
