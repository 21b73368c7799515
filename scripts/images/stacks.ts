/**
 * Stacks in the images name our own lines. Node's --enable-source-maps does it too, but reads every map at the start and
 * keeps it decoded, 14 MB (measured); this reads what bundle.mjs wrote beside a file when the first error there is told.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
// @ts-expect-error plain JavaScript, so that the image's build stage can run it as it is
import { findPlace } from "../own-map.mjs";

const PLACE = /(file:\/\/\/\S+\.mjs):(\d+):(\d+)/g;
const known = new Map<string, unknown>();
const plain = Error.prepareStackTrace?.bind(Error);

Error.prepareStackTrace = (error, frames) => {
  const stack: unknown = plain?.(error, frames);
  return typeof stack === "string" ? stack.replaceAll(PLACE, ownPlace) : stack;
};

function ownPlace(place: string, file: string, line: string, column: string): string {
  if (!known.has(file)) known.set(file, readPlaces(file));
  const places = known.get(file);
  const own = places && findPlace(places, Number(line) - 1, Number(column) - 1);
  return own ? `${own.source}:${own.line + 1}:${own.column + 1}` : place;
}

function readPlaces(file: string): unknown {
  try {
    return JSON.parse(readFileSync(`${fileURLToPath(file)}.places`, "utf8"));
  } catch {
    return undefined; // a stack without them is better than no stack
  }
}
