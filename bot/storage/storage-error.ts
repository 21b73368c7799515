/** The data directory cannot be used: `main` prints the message, which holds the remedy, and exits 1. */
export class StorageError extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = "StorageError";
  }
}
