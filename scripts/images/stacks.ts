/**
 * Stacks in the images name our own lines. Node's --enable-source-maps does it too, but reads every map at the start and
 * keeps it decoded, 14 MB (measured); this reads a file's map when the first error in that file is told, and keeps its text.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
// @ts-expect-error plain JavaScript, so that the image's build stage can run it as it is
import { findPlace } from "../own-map.mjs";

interface Map3 {
  sources: string[];
  mappings: string;
}

const PLACE = /(file:\/\/\/\S+\.mjs):(\d+):(\d+)/g;
const maps = new Map<string, Map3 | undefined>();
const plain = Error.prepareStackTrace?.bind(Error);

Error.prepareStackTrace = (error, frames) => {
  const stack: unknown = plain?.(error, frames);
  return typeof stack === "string" ? stack.replaceAll(PLACE, ownPlace) : stack;
};

function ownPlace(place: string, file: string, line: string, column: string): string {
  if (!maps.has(file)) maps.set(file, readMap(file));
  const map = maps.get(file);
  const found = map && (findPlace(map.mappings, Number(line) - 1, Number(column) - 1) as number[] | undefined);
  if (map === undefined || found === undefined) return place;
  const [source = 0, ownLine = 0, ownColumn = 0] = found;
  return `${map.sources[source]}:${ownLine + 1}:${ownColumn + 1}`;
}

function readMap(file: string): Map3 | undefined {
  try {
    return JSON.parse(readFileSync(`${fileURLToPath(file)}.map`, "utf8")) as Map3;
  } catch {
    return undefined; // a stack without it is better than no stack
  }
}
