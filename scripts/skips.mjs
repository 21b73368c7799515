// A test reporter that writes one line per skipped test: its name and the reason.
export default async function* skips(events) {
  for await (const { type, data } of events)
    if (type === "test:pass" && data.skip !== undefined && data.skip !== false)
      yield `${data.name}: ${data.skip === true || data.skip === "" ? "no reason given" : data.skip}\n`;
}
