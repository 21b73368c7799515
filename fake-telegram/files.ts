import type { File } from "@grammyjs/types";
import { badRequest } from "./refusals.ts";

/** The open server's limit for getFile; with more the caller is told so. */
const maxDownloadBytes = 20 * 1024 * 1024;

export type FileKind = "voice" | "photo" | "document";
const folders: Record<FileKind, string> = { voice: "voice", photo: "photos", document: "documents" };
const endings: Record<FileKind, string> = { voice: ".oga", photo: ".jpg", document: "" };

const types: Record<FileKind, string> = {
  voice: "audio/ogg",
  photo: "image/jpeg",
  document: "application/octet-stream",
};

export interface StoredFile {
  kind: FileKind;
  type: string;
  file_id: string;
  file_unique_id: string;
  path: string;
  bytes: Uint8Array;
  /** What the Bot API says of its length; a test may claim more than there is. */
  size: number;
}

export function createFiles() {
  const byId = new Map<string, StoredFile>();

  return {
    add(kind: FileKind, bytes: Uint8Array, options: { name?: string; size?: number } = {}): StoredFile {
      const number = byId.size + 1;
      const ending = kind === "document" ? (/\.\w+$/.exec(options.name ?? "")?.[0] ?? "") : endings[kind];
      const file: StoredFile = {
        kind,
        type: types[kind],
        file_id: `AwACAgIAAxkDAAFake${kind}${String(number).padStart(6, "0")}`,
        file_unique_id: `AgADFake${String(number).padStart(6, "0")}`,
        path: `${folders[kind]}/file_${number}${ending}`,
        bytes,
        size: options.size ?? bytes.length,
      };
      byId.set(file.file_id, file);
      return file;
    },

    /** For sending again by id. */
    known(fileId: string, kind: FileKind): StoredFile {
      const file = byId.get(fileId);
      if (!file) throw badRequest("wrong file identifier/HTTP URL specified");
      if (file.kind !== kind) throw badRequest(`can't use file of type ${title(file.kind)} as ${title(kind)}`);
      return file;
    },

    /** getFile: Client::check_remote_file_id, then do_get_file. */
    info(fileId: string | undefined): File {
      if (fileId === undefined) throw badRequest("file_id not specified");
      const file = byId.get(fileId);
      // What does not even look like an id is "invalid", what looks like one and is not known is "wrong".
      if (!file)
        throw badRequest(
          looksLikeId(fileId) ? "wrong file_id or the file is temporarily unavailable" : "invalid file_id",
        );
      if (file.size > maxDownloadBytes) throw badRequest("file is too big");
      const { file_id, file_unique_id, size, path } = file;
      return { file_id, file_unique_id, file_size: size, file_path: path };
    },

    /** For `/file/bot<token>/<path>`. */
    download: (path: string): StoredFile | undefined => [...byId.values()].find((file) => file.path === path),
    byId: (fileId: string): StoredFile | undefined => byId.get(fileId),
  };
}

const looksLikeId = (text: string): boolean => /^[A-Za-z0-9_-]{20,}$/.test(text);
const title = (kind: FileKind): string => (kind === "voice" ? "VoiceNote" : kind === "photo" ? "Photo" : "Document");

export type Files = ReturnType<typeof createFiles>;
