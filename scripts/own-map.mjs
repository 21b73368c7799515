const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * The part of a source map that is about our own files. Node keeps a whole map in memory (31 to 41 MB for that of the
 * bot's bundle, measured), and nine tenths of it are about packages.
 * @param {{ sources: string[], mappings: string }} map version 3
 */
export function ownMap(map) {
  const kept = map.sources.map((source) => !source.includes("node_modules/") && !source.includes("unused:"));
  const sources = map.sources.filter((_, at) => kept[at]);
  const renumbered = map.sources.map((_, at) => kept.slice(0, at).filter(Boolean).length);
  const from = [0, 0, 0]; // source, line, column: counted on through the whole map, in what is read …
  const to = [0, 0, 0]; // … and in what is written
  const lines = map.mappings.split(";").map((line) => {
    let read = 0;
    let written = 0;
    let isOurs = false;
    const segments = [];
    for (const segment of line === "" ? [] : line.split(",")) {
      const [column, ...origin] = decode(segment);
      read += column;
      for (let field = 0; field < 3; field++) from[field] += origin[field] ?? 0;
      const [source, ...place] = from;
      const wasOurs = isOurs;
      isOurs = origin.length >= 3 && kept[source];
      if (!isOurs && !wasOurs) continue;
      const fields = [read - written];
      written = read;
      if (isOurs) [renumbered[source], ...place].forEach((value, field) => fields.push(value - to[field]));
      if (isOurs) to.splice(0, 3, renumbered[source], ...place);
      segments.push(fields.map(encode).join(""));
    }
    return segments.join(",");
  });
  return { version: 3, sources, names: [], mappings: lines.join(";") };
}

/**
 * Where a place of the generated code comes from. Decodes as far as it must and keeps nothing.
 * @param {string} mappings
 * @param {number} line from 0 @param {number} column from 0
 * @returns {[source: number, line: number, column: number] | undefined}
 */
export function findPlace(mappings, line, column) {
  const from = [0, 0, 0];
  let found;
  for (const [at, text] of mappings.split(";", line + 1).entries()) {
    let read = 0;
    for (const segment of text === "" ? [] : text.split(",")) {
      const [step, ...origin] = decode(segment);
      read += step;
      if (at === line && read > column) break;
      for (let field = 0; field < 3; field++) from[field] += origin[field] ?? 0;
      if (at === line) found = origin.length >= 3 ? [...from] : undefined;
    }
  }
  return found;
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

function encode(value) {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1;
  let text = "";
  do {
    const digit = rest & 31;
    rest >>>= 5;
    text += DIGITS[rest > 0 ? digit | 32 : digit];
  } while (rest > 0);
  return text;
}
