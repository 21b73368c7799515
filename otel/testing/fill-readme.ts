/** Writes the tables of the README anew. */
import { readFileSync, writeFileSync } from "node:fs";
import { fill } from "./tables.ts";

const path = new URL("../README.md", import.meta.url);
writeFileSync(path, fill(readFileSync(path, "utf8")));
