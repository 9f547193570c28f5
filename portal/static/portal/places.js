// Where the rows with buttons stand on the screen, and since when: what has just come under the pointer by itself, as
// others went or came, is not what was aimed at.

const UNSEEN = 400; // milliseconds after which somebody who presses has seen where the rows are
const MEASURED = '[data-orders] > tr, [data-rows="position"] > tr, [data-cancel-all]';

/**
 * Where everything stands since when; what its person has scrolled stands as before. Pure.
 *
 * @param {Map<object, {top: number, bottom: number, scrolled: number, height: number}>} stands pixels of the screen, and how
 *   far down it is scrolled of how much: what has another height may have been scrolled by that
 * @param {Map<object, object>} known what this returned before
 * @param {number} now milliseconds
 * @returns {Map<object, {top: number, bottom: number, since: number, from: {top: number, bottom: number}|undefined}>}
 */
export function placesOf(stands, known, now) {
  const places = [...stands].map(([what, stand]) => {
    const was = known.get(what);
    const scrolled = was?.height === stand.height ? was.scrolled - stand.scrolled : 0;
    const isStill = was && Math.min(Math.abs(was.top - stand.top), Math.abs(was.top + scrolled - stand.top)) < 1;
    if (isStill) return [what, { ...stand, since: was.since, from: was.from }];
    return [what, { ...stand, since: now, from: was && { top: was.top, bottom: was.bottom } }];
  });
  return new Map(places);
}

/** Whether what stands at `place` has just come to the height `y`. Pure. */
export function hasJustCome({ since, from }, y, now) {
  return now - since < UNSEEN && !(from && from.top <= y && y <= from.bottom);
}

export class Places {
  constructor(root) {
    this.root = root;
    this.places = new Map();
    this.#look(-Infinity);
    const sizes = new ResizeObserver(() => this.#look(performance.now()));
    const bodies = root.querySelectorAll("tbody");
    for (const element of [root, ...bodies]) sizes.observe(element);
    // One row for another: no size changes, yet whoever is observed anew is told of after the next layout.
    const rows = new MutationObserver(() => {
      sizes.unobserve(root);
      sizes.observe(root);
    });
    for (const body of bodies) rows.observe(body, { childList: true });
    addEventListener("scroll", () => this.#look(performance.now()), { capture: true, passive: true });
    // What somebody has moved by a tab, a fold or an editor was not moved under their hand.
    for (const name of ["click", "change"]) root.addEventListener(name, () => this.#look(-Infinity));
  }

  /** Whether a pointer's click on `button` hits a row that has just come there by itself. */
  isSurprise(button, { clientY, timeStamp }) {
    this.#look(performance.now());
    const place = this.places.get(button.closest("tr, [data-cancel-all]"));
    return place !== undefined && hasJustCome(place, clientY, timeStamp);
  }

  #look(now) {
    const page = document.scrollingElement;
    const stands = [...this.root.querySelectorAll(MEASURED)].map((element) => {
      const { top, bottom } = element.getBoundingClientRect();
      const { scrollTop = 0, scrollHeight = 0 } = element.closest(".scroll") ?? {};
      return [element, { top, bottom, scrolled: page.scrollTop + scrollTop, height: page.scrollHeight + scrollHeight }];
    });
    this.places = placesOf(new Map(stands), this.places, now);
  }
}
