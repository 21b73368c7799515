import { html } from "hono/html";

/** A piece of a page, escaped: made only by the `html` template. */
export type Html = ReturnType<typeof html>;
export { html };

export const nothing = html``;

/** Pieces with something between them. */
export const join = (pieces: Html[], between: Html | string): Html =>
  html`${pieces.flatMap((piece, at) => (at === 0 ? [piece] : [between, piece]))}`;
