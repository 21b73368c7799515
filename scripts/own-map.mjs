const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * Where our own code is in a bundle: the part of its source map that is about our files, a tenth, in plain numbers that
 * need no decoding at run time. A line of the bundle is a flat list of column, source, line, column, all from 0; source -1:
 * from this column on it is not ours.
 * @param {{ sources: string[], mappings: string }} map version 3
 * @returns {{ sources: string[], lines: number[][] }}
 */
export function ownPlaces(map) {
  const kept = map.sources.map((source) => !source.includes("node_modules/") && !source.includes("unused:"));
  const sources = map.sources.filter((_, at) => kept[at]);
  const renumbered = map.sources.map((_, at) => kept.slice(0, at).filter(Boolean).length);
  const from = [0, 0, 0]; // source, line, column: counted on through the whole map
  let last = [-1, 0, 0]; // goes on over the end of a line: a template may have several
  const lines = map.mappings.split(";").map((line) => {
    let column = 0;
    const places = last[0] === -1 ? [] : [0, ...last];
    for (const segment of line === "" ? [] : line.split(",")) {
      const [step, ...origin] = decode(segment);
      column += step;
      for (let field = 0; field < 3; field++) from[field] += origin[field] ?? 0;
      const [source, ...place] = from;
      const wasOurs = last[0] !== -1;
      last = origin.length >= 3 && kept[source] ? [renumbered[source], ...place] : [-1, 0, 0];
      if (wasOurs || last[0] !== -1) places.push(column, ...last);
    }
    return places;
  });
  return { sources, lines };
}

/**
 * @param {{ sources: string[], lines: number[][] }} places
 * @param {number} line from 0
 * @param {number} column from 0
 * @returns {{ source: string, line: number, column: number } | undefined} undefined: not ours
 */
export function findPlace({ sources, lines }, line, column) {
  const row = lines[line] ?? [];
  let at = -4;
  while (at + 4 < row.length && row[at + 4] <= column) at += 4;
  const source = sources[row[at + 1]];
  return source === undefined ? undefined : { source, line: row[at + 2], column: row[at + 3] };
}

/** Base 64 VLQ: five bits a digit, the sixth says that more follow, the lowest bit of all is the sign. */
function decode(segment) {
  const values = [];
  let value = 0;
  let shift = 0;
  for (const letter of segment) {
    const digit = DIGITS.indexOf(letter);
    value |= (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    values.push(value & 1 ? -(value >> 1) : value >> 1);
    value = shift = 0;
  }
  return values;
}
