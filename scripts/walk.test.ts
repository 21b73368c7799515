import assert from "node:assert/strict";
import { test } from "node:test";
import { openBrowser, skip } from "./product/browser.ts";
import { ALERTS, startProduct, until } from "./product/product.ts";

test(
  "the walk by mouse: alert, incident, request, log line; ack is seen in the chat; live requests",
  { skip },
  async (t) => {
    const product = await startProduct();
    t.after(product.stop);
    const browser = await openBrowser();
    t.after(() => browser.close());
    const context = await browser.newContext();
    context.setDefaultTimeout(20_000);
    const problems: string[] = [];
    context.on("weberror", (error) => problems.push(error.error().message));
    context.on("console", (message) => {
      if (message.type() === "error") problems.push(`${message.page()?.url()}: ${message.text()}`);
    });

    const chat = await context.newPage();
    await chat.goto(product.chatPage);
    const write = chat.getByPlaceholder("Write a message");
    for (let n = 0; n < 11; n++) {
      await write.fill("/boom");
      await write.press("Enter");
    }
    await until("the alert", async () => (await product.messages(ALERTS, "alerts")).length > 0);
    await chat.getByText("Alerts", { exact: true }).first().click();
    const opened = context.waitForEvent("page");
    await chat.getByRole("link", { name: /^http.*\/incidents\// }).click();

    const incident = await opened;
    await incident.getByText("too many errors").first().waitFor();
    await incident.getByRole("button", { name: "Acknowledge" }).click();
    await incident.getByText("acknowledged by").first().waitFor();
    await until("the ack in the chat", async () =>
      /acknowledged/i.test((await product.messages(ALERTS, "alerts"))[0] ?? ""),
    );

    await incident.getByRole("link", { name: "Failing request" }).click();
    await incident.getByText("boom: failed on purpose").first().waitFor();
    const request = (await incident.locator("body").textContent()) ?? "";
    for (const part of ["process message", "SELECT tasks", "sendMessage", "update failed", "boom.ts"])
      assert.ok(request.includes(part), `${part} on the request page`);

    await incident.goto(`${product.consolePage}requests`);
    await incident.getByText("/boom").first().waitFor();
    await product.say("/ping");
    await incident.getByText("/ping").first().waitFor();
    assert.deepEqual(problems, []);
  },
);
