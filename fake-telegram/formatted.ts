import type { MessageEntity } from "@grammyjs/types";
import { findEntities, trimFormatted } from "./entities.ts";
import { parseHtml, type FormattedText } from "./html.ts";
import type { Params } from "./params.ts";
import { badRequest, notServed } from "./refusals.ts";
import { structured } from "./structured.ts";

const maxSourceBytes = 32_768;

/** Client::get_formatted_text: what is checked before the chat is looked at. */
export function readFormatted(params: Params, textName: string, entitiesName: string): FormattedText {
  const text = params.text(textName) ?? "";
  if (Buffer.byteLength(text) > maxSourceBytes) throw badRequest("text is too long");
  const mode = (params.text("parse_mode") ?? "none").toLowerCase();
  if (text !== "" && mode === "html") return parseHtml(text);
  if (mode === "markdown" || mode === "markdownv2") throw notServed(`parse_mode ${mode}`);
  if (text !== "" && mode !== "html" && mode !== "none") throw badRequest("unsupported parse_mode");
  const entities = structured(params, entitiesName);
  return {
    text,
    entities: Array.isArray(entities) ? (entities as MessageEntity[]).map((entity) => ({ ...entity })) : [],
  };
}

/** fix_formatted_text and the limits of MessageContent.cpp, after the chat. Lengths are code points. */
export function finishFormatted(formatted: FormattedText, limit: number, tooLong: string): FormattedText {
  const trimmed = trimFormatted(formatted);
  if (Array.from(trimmed.text).length > limit) throw badRequest(tooLong);
  return { text: trimmed.text, entities: findEntities(trimmed) };
}
