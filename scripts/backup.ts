/**
 * A verified backup now, beside the daily ones, of each database in DATA_DIR. Bot and sidecar may run meanwhile.
 *
 *   npm run backup
 *   docker compose -f docker-compose.prod.yml exec bot /nodejs/bin/node /app/backup.mjs
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { present, readPlaces } from "./databases/databases.ts";

process.umask(0o077);
if (existsSync(".env")) process.loadEnvFile(".env"); // what is set already wins

try {
  const places = readPlaces(process.env);
  const found = present(places);
  if (found.length === 0) throw new Error(`DATA_DIR ${places.dataDir} holds no database yet`);
  for (const database of found) {
    const db = new DatabaseSync(join(places.dataDir, database.file), { timeout: 5000 });
    try {
      await database.backUp(db, places, Date.now());
    } finally {
      db.close();
    }
    console.log(`${database.file}: backed up to ${places.backupDir} and verified`);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
