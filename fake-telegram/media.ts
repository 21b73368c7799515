import type { FileKind, Files, StoredFile } from "./files.ts";
import type { Params } from "./params.ts";
import { badRequest, notServed } from "./refusals.ts";

/** What sendPhoto and sendDocument put into the message: an uploaded file, or one that is known by its id. */
export function createMedia(files: Files) {
  function take(params: Params, name: string, kind: FileKind): StoredFile {
    const reference = params.text(name);
    const upload = params.file(reference?.startsWith("attach://") ? reference.slice("attach://".length) : name);
    if (upload) {
      if (upload.bytes.length === 0) throw badRequest("file must be non-empty");
      return files.add(kind, upload.bytes, { name: upload.name });
    }
    if (reference === undefined) throw badRequest(`there is no ${kind} in the request`);
    if (/^https?:/i.test(reference)) throw notServed(`a ${kind} by URL`);
    return files.known(reference, kind);
  }

  return {
    photo: (params: Params) => () => {
      const { file_id, file_unique_id, size } = take(params, "photo", "photo");
      return { photo: [{ file_id, file_unique_id, width: 640, height: 480, file_size: size }] };
    },
    document: (params: Params) => () => {
      const { file_id, file_unique_id, size } = take(params, "document", "document");
      const { name, type } = params.file("document") ?? { name: undefined, type: undefined };
      return { document: { file_id, file_unique_id, file_size: size, file_name: name, mime_type: type } };
    },
  };
}
