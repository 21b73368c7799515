/** The data directory cannot be used: `main` prints the message, which holds the remedy, and exits 1. */
export class StorageError extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = "StorageError";
  }
}

/** The database itself: damaged, full, or of a newer version. */
export const unusable = (path: string, cause: unknown): StorageError =>
  new StorageError(
    `The database ${path} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}. Free the disk, restore a backup, or set DATA_DIR to another directory.`,
    cause,
  );
