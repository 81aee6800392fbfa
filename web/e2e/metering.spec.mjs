import { expect, test } from "@playwright/test";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { axe, PASSWORD, Site } from "./site.mjs";

// What is charged besides time of hardware, as whoever runs the site and a tenant meet it; given credit; statements.
let site;
let state;
test.describe.configure({ mode: "serial" });
test.beforeAll(async ({ browser }) => {
  site = await Site.start({ args: ["--simulate", "1x4xH100"], env: { GPUAAS_BILLING__WELCOME_CREDIT_DAYS: "90" } });
  const context = await browser.newContext();
  await site.signUpFirst(await context.newPage());
  state = await context.storageState();
  await context.close();
});
test.afterEach(async ({}, info) => {
  if (site && info.status !== info.expectedStatus) await info.attach("log of the program", { body: site.log });
});
test.afterAll(async () => { if (site) await site.end(); });

const cli = (args, more, input) => site.cli(args, input, more);

test("a source is made, tells of usage, and it waits for a price and is charged", async ({ browser, request }) => {
  test.setTimeout(150_000);
  const context = await browser.newContext({ storageState: state });
  const page = await context.newPage();
  await page.goto(`${site.url}/platform/finance/metering`);
  await expect(page.getByText("No price is set")).toBeVisible();
  await expect(page.getByText("Nothing tells of usage yet")).toBeVisible();
  await axe(page);
  await page.getByLabel("Name", { exact: true }).fill("gateway");
  await page.getByRole("button", { name: "Make source" }).click();
  const token = await page.locator("code, pre").filter({ hasText: /^gpuaas_m_/ }).first().innerText();
  await axe(page);
  await page.getByRole("link", { name: "I have stored it" }).click();
  await page.getByLabel("Name", { exact: true }).fill("gateway");
  await page.getByRole("button", { name: "Make source" }).click();
  await expect(page.getByText("A source of this name works already.").first()).toBeVisible();
  const me = await (await context.request.get(`${site.url}/api/v1/me`)).json();
  const events = [{ id: "call-1", project_id: me.default_project_id, meter: "tokens_in", subject: "chat", quantity: 2_000_000, at: new Date().toISOString() }];
  const send = (headers) => request.post(`${site.url}/api/v1/metering/events`, { headers, data: { events } });
  expect((await send({})).status()).toBe(401);
  const headers = { authorization: `Bearer ${token.trim()}` };
  expect(await (await send(headers)).json()).toMatchObject({ accepted: 1, known: 0 });
  expect(await (await send(headers)).json()).toMatchObject({ accepted: 0, known: 1 });
  await page.goto(`${site.url}/platform/finance/metering`);
  await expect(page.getByRole("heading", { name: "Waits for a price" })).toBeVisible();
  await page.getByLabel("Of what").selectOption("tokens_in");
  await page.getByLabel("Price", { exact: true }).fill("1,000");
  await page.getByRole("button", { name: "Set price" }).click();
  await expect(page.getByText("Enter an amount such as 0.15.").first()).toBeVisible();
  await page.getByLabel("Price", { exact: true }).fill("0.50");
  await page.getByLabel("From", { exact: true }).fill(events[0].at);
  await page.getByRole("button", { name: "Set price" }).click();
  await expect(page.getByText("The price is set.")).toBeVisible();
  await axe(page);
  await expect(async () => {
    await page.goto(`${site.url}/account/billing`);
    await expect(page.getByText("Tokens read: chat")).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 90_000 });
  await expect(page.getByRole("heading", { name: "Given credit" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Other usage of this project" })).toBeVisible();
  await axe(page);
  await page.getByRole("row", { name: /Tokens read: chat/ }).first().getByRole("link").last().click();
  await expect(page.getByText("2000000 tokens in all × €0.50 per million tokens")).toBeVisible();
  await axe(page);
  await page.goto(`${site.url}/account/billing/costs?by=workload`);
  await expect(page.getByText("Tokens read: chat in").first()).toBeVisible();
  await page.goto(`${site.url}/account/billing/costs?by=department`);
  await page.getByRole("row").last().getByRole("link").click();
  await expect(page.getByRole("link", { name: "All departments" })).toBeVisible();
  await expect(page.getByText("the department").first()).toBeVisible();
  await axe(page);
  // The command line says the same.
  cli(["login", "--server", site.url, "--email", "ada@example.com"], {}, `${PASSWORD}\n`);
  expect(cli(["metering", "used"])).toContain("2000000 tokens");
  expect(cli(["credits"])).toContain("Welcome credit");
  expect(cli(["metering", "show"])).toContain("gateway");
  const file = `${site.folder}/events.json`;
  writeFileSync(file, JSON.stringify({ events: [{ ...events[0], id: "call-2", quantity: 1 }] }));
  const asSource = { GPUAAS_TOKEN: token.trim(), GPUAAS_URL: site.url };
  expect(cli(["metering", "send", file], asSource)).toContain("taken   1");
  expect(cli(["metering", "send", file], asSource)).toContain("known   1");
  // A source that ended is nobody.
  await page.goto(`${site.url}/platform/finance/metering`);
  await page.getByRole("button", { name: "End" }).click();
  await expect(page.getByText("The source ended.")).toBeVisible();
  expect((await send(headers)).status()).toBe(401);
  await context.close();
});

test("the books: the day's sums, and entries that accounting software takes", async ({ browser }) => {
  const context = await browser.newContext({ storageState: state });
  const page = await context.newPage();
  await page.goto(`${site.url}/platform/finance/books`);
  await expect(page.getByRole("row", { name: /€20.00/ }).first()).toBeVisible();
  await expect(page.getByText("Nobody owes anything")).toBeVisible();
  await axe(page);
  await page.getByRole("link", { name: /^‹/ }).click();
  await expect(page.getByText("Nothing moved")).toBeVisible();
  expect(cli(["finance", "revenue"])).toContain("€1.00");
  expect(cli(["finance", "ageing"])).toContain("nothing");
  expect(cli(["finance", "journal"])).toContain("Income:Usage");
  const files = {};
  for (const format of ["ledger", "beancount"]) {
    files[format] = `${site.folder}/journal.${format}`;
    writeFileSync(files[format], cli(["finance", "journal", "--format", format]));
  }
  execFileSync("bean-check", [files.beancount]);
  const balance = execFileSync("ledger", ["-f", files.ledger, "balance", "--flat"]).toString();
  expect(balance).toMatch(/-1\.000000 EUR\s+Income:Usage/);
  expect(balance.trim().split("\n").at(-1).trim()).toBe("0");
  await context.close();
});

test("statements: none yet, and who they are for", async ({ browser }) => {
  const context = await browser.newContext({ storageState: state });
  const page = await context.newPage();
  await page.goto(`${site.url}/account/billing/statements`);
  await expect(page.getByText("No month is closed yet")).toBeVisible();
  await axe(page);
  await page.getByLabel("Name in law").fill("Analytical Engines Ltd");
  await page.getByLabel("Address").fill("12 St James's Square\n\nLondon");
  await page.getByLabel("Tax number").fill("GB 123");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.")).toBeVisible();
  await expect(page.getByLabel("Address")).toHaveValue("12 St James's Square\nLondon");
  expect(cli(["statements", "list"])).toContain("nothing");
  expect(cli(["statements", "profile"])).toContain("12 St James's Square, London");
  await context.close();
});

test("narrow and dark pages of metering and statements stay whole", async ({ browser }) => {
  const shots = process.env.GPUAAS_SHOTS;
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ storageState: state, colorScheme, viewport: { width: 375, height: 800 } });
    const page = await context.newPage();
    for (const path of ["/platform/finance/metering", "/platform/finance/books", "/account/billing", "/account/billing/statements"]) {
      await page.goto(`${site.url}${path}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide, `${path} ${colorScheme}`).toBeLessThanOrEqual(0);
      await axe(page);
      if (shots) await page.screenshot({ path: `${shots}/metering-${colorScheme}-${path.replaceAll("/", "_")}.png`, fullPage: true });
    }
    await context.close();
  }
});
