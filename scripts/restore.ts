/**
 * Puts a backup in the place of a database. Refused while the process that owns it runs.
 *
 *   npm run restore                     the newest backup of each database
 *   npm run restore -- --list           what there is
 *   npm run restore -- bot-….db         that one: a name in BACKUP_DIR, or a path
 *   docker compose -f docker-compose.prod.yml run --rm bot /app/restore.mjs
 */
import { existsSync, readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { databases, readPlaces } from "./databases/databases.ts";
import { restore } from "./databases/restore.ts";

process.umask(0o077);
if (existsSync(".env")) process.loadEnvFile(".env"); // what is set already wins

try {
  const places = readPlaces(process.env);
  const backups = existsSync(places.backupDir)
    ? readdirSync(places.backupDir)
        .filter((name) => /^(bot|state)-\d{8}T\d{6}Z\.db$/.test(name))
        .toSorted()
    : [];
  const [wanted] = process.argv.slice(2);
  if (wanted === "--list") console.log(backups.join("\n"));
  else {
    const chosen =
      wanted === undefined ? databases.map(({ name }) => backups.findLast((file) => file.startsWith(name))) : [wanted];
    const files = chosen.filter((file) => file !== undefined);
    if (files.length === 0) throw new Error(`${places.backupDir} holds no backup`);
    for (const file of files) {
      const database = databases.find(({ name }) => basename(file).startsWith(`${name}-`));
      if (database === undefined) throw new Error(`${file}: a backup is called bot-….db or state-….db`);
      const path = backups.includes(file) ? join(places.backupDir, file) : resolve(file);
      const aside = restore(database, path, places, Date.now());
      console.log(`${database.file} is now ${basename(path)}${aside === undefined ? "" : `; the old one: ${aside}`}`);
    }
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
