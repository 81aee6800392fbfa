import { expect, test } from "@playwright/test";
import { execFileSync } from "node:child_process";
import { axe, PASSWORD, Site } from "./site.mjs";

// Money as people meet it: none, added, declined, cancelled, late; a launch that waits for it; a refund and credit at the desk.
let site;
let state;
test.describe.configure({ mode: "serial" });
test.beforeAll(async ({ browser }) => {
  site = await Site.start({ args: ["--simulate", "1x4xH100"], env: { GPUAAS_BILLING__WELCOME_CREDIT: "0" } });
  const context = await browser.newContext();
  await site.signUpFirst(await context.newPage());
  state = await context.storageState();
  await context.close();
});
test.afterEach(async ({}, info) => {
  if (site && info.status !== info.expectedStatus) await info.attach("log of the program", { body: site.log });
});
test.afterAll(async () => { if (site) await site.end(); });

async function open(browser, options = {}) {
  const context = await browser.newContext({ storageState: state, ...options });
  return [context, await context.newPage()];
}

async function balance(context) {
  return (await (await context.request.get(`${site.url}/api/v1/billing/balance`)).json()).available.micros;
}

const cli = (args, input) => site.cli(args, input);

test("no money: every page says so with the way out, and a launch waits for it", async ({ browser }) => {
  const [context, page] = await open(browser);
  for (const path of ["/", "/compute", "/account/billing"]) {
    await page.goto(`${site.url}${path}`);
    await expect(page.getByText("There is nothing to spend")).toBeVisible();
    await expect(page.locator(".banner").getByRole("link", { name: "Add funds" })).toBeVisible();
  }
  await expect(async () => {
    await page.goto(`${site.url}/launch/compute`);
    await expect(page.getByText("does not cover it")).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 30_000 });
  await expect(page.getByRole("button", { name: "Launch" })).toBeDisabled();
  await page.goto(`${site.url}/workloads`);
  await expect(page.getByText("Nothing runs yet")).toBeVisible();
  await context.close();
});

test("funds are added: amounts that do not fit, a declined card, paid, and a launch that works now", async ({ browser }) => {
  const [context, page] = await open(browser);
  await page.goto(`${site.url}/account/billing`);
  await page.getByRole("link", { name: "Add funds" }).first().click();
  await axe(page);
  await page.getByLabel("Another amount").fill("4.99");
  await page.getByRole("button", { name: "Go on to payment" }).click();
  await expect(page.getByText("Add €5.00 to €10000.00 at once.").first()).toBeVisible();
  await page.getByLabel("Another amount").fill("12,345");
  await page.getByRole("button", { name: "Go on to payment" }).click();
  await expect(page.getByText("Enter an amount such as 50 or 12.50.").first()).toBeVisible();
  await page.getByLabel("Another amount").fill("12,50");
  await page.getByRole("button", { name: "Go on to payment" }).click();
  await expect(page.getByRole("link", { name: "Go on to payment" })).toBeVisible();
  await axe(page);
  await page.getByRole("link", { name: "Go on to payment" }).click();
  await expect(page.getByRole("heading", { name: "Pay €12.50" })).toBeVisible();
  await expect(page.getByText("No money moves.")).toBeVisible();
  await axe(page);
  await page.getByRole("button", { name: "Pay with a card that is declined" }).click();
  await expect(page.getByText("The card was declined.")).toBeVisible();
  expect(await balance(context)).toBe("0");
  await page.getByRole("button", { name: "Pay €12.50" }).click();
  await expect(page.getByText("€12.50 is in the balance.")).toBeVisible({ timeout: 15_000 });
  expect(await balance(context)).toBe("12500000");
  // A second click on what was paid pays nothing.
  await page.goBack();
  await page.reload();
  await expect(page.getByText("This page was paid or closed already.")).toBeVisible();
  await page.goto(`${site.url}/account/billing`);
  await expect(page.getByText("There is nothing to spend")).toHaveCount(0);
  await expect(page.getByRole("cell", { name: "€12.50" })).toBeVisible();
  await expect(page.locator(".badge.simulated").first()).toBeVisible();
  await axe(page);
  await expect(async () => {
    await page.goto(`${site.url}/launch/compute`);
    await expect(page.getByRole("button", { name: "Launch" })).toBeEnabled({ timeout: 500 });
  }).toPass({ timeout: 30_000 });
  await context.close();
});

test("gone without paying, cancelled, and a confirmation that comes late", async ({ browser }) => {
  const [context, page] = await open(browser, { viewport: { width: 375, height: 800 } });
  await page.goto(`${site.url}/account/billing/add`);
  await page.getByRole("button", { name: "€20" }).click();
  await page.getByRole("link", { name: "Go on to payment" }).click();
  await page.getByRole("link", { name: "Go back without paying" }).click();
  await expect(page.getByText("You came back without paying. Nothing was charged.")).toBeVisible();
  await page.getByRole("button", { name: "Cancel this payment" }).click();
  await expect(page.getByText("It was cancelled. Nothing was charged.")).toBeVisible({ timeout: 15_000 });
  expect(await balance(context)).toBe("12500000");
  await page.goto(`${site.url}/account/billing/add`);
  await page.getByRole("button", { name: "€50", exact: true }).click();
  await page.getByRole("link", { name: "Go on to payment" }).click();
  await page.getByRole("button", { name: "Pay; the confirmation comes late" }).click();
  await expect(page.getByText("has not confirmed it yet")).toBeVisible();
  expect(await balance(context)).toBe("12500000");
  await expect(page.getByText("€50.00 is in the balance.")).toBeVisible({ timeout: 45_000 });
  expect(await balance(context)).toBe("62500000");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
  await page.goto(`${site.url}/account/billing/payments`);
  await axe(page);
  await context.close();
});

test("the desk: refund, credit, and what waits for a second person; the command line too", async ({ browser }) => {
  const [context, page] = await open(browser);
  await page.goto(`${site.url}/platform/finance`);
  await expect(page.getByText("Processor owes")).toBeVisible();
  await axe(page);
  await page.locator("tbody tr", { hasText: "€50.00" }).getByRole("link").click();
  await page.getByLabel("Amount").fill("60");
  await page.getByLabel("Why").fill("A node failed twice");
  await page.getByRole("button", { name: "Refund" }).click();
  await expect(page.getByText("At most €50.00 of this payment can still go back.").first()).toBeVisible();
  await page.getByLabel("Amount").fill("30");
  await page.getByRole("button", { name: "Refund" }).click();
  await expect(async () => {
    await page.reload();
    await expect(page.locator(".badge", { hasText: "refunded" }).first()).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 20_000 });
  expect(await balance(context)).toBe("32500000");
  await axe(page);

  cli(["login", "--server", site.url, "--email", "ada@example.com"], `${PASSWORD}\n`);
  const org = (await (await context.request.get(`${site.url}/api/v1/billing/payments`)).json()).items[0].org_id;
  await page.goto(`${site.url}/platform/finance/credits`);
  await page.getByLabel("Organization").fill(org);
  await page.getByLabel("Amount").fill("101");
  await page.getByLabel("Reference of the transfer").fill("RF18 5390");
  await page.getByLabel("In words").fill("Transfer of November");
  await page.getByRole("button", { name: "Give credit" }).click();
  await expect(page.locator(".badge", { hasText: "waits for a second person" })).toBeVisible();
  await page.goto(`${site.url}/platform/finance/approvals`);
  await expect(page.getByText("You asked for it. Somebody else decides; you can take it back.")).toBeVisible();
  await axe(page);
  expect(await balance(context)).toBe("32500000");

  expect(cli(["payment", "create", "25"])).toContain("/pay/simulated/pay_");
  const list = JSON.parse(cli(["payment", "list", "--output", "json"]));
  expect(list.items[0].state).toBe("pending");
  expect(cli(["payment", "cancel", list.items[0].id])).toContain("cancelled");
  expect(cli(["finance", "payments"])).toContain("€50.00");
  expect(cli(["finance", "credit", org, "5", "--reason", "Sorry"])).toContain("posted");
  expect(await balance(context)).toBe("37500000");
  await context.close();
});

test("costs and budgets: what was spent and where, and a launch that does not fit", async ({ browser }) => {
  const [context, page] = await open(browser);
  await expect(async () => {
    await page.goto(`${site.url}/launch/compute`);
    await page.getByLabel("Name").fill("measured");
    await expect(page.getByRole("button", { name: "Launch" })).toBeEnabled({ timeout: 500 });
  }).toPass({ timeout: 30_000 });
  await page.getByRole("button", { name: "Launch" }).click();
  await expect(page.locator(".badge", { hasText: "active" }).first()).toBeVisible({ timeout: 30_000 });
  await page.waitForTimeout(2_000);
  await page.getByText("Release", { exact: true }).click();
  await page.getByRole("button", { name: "Release measured" }).click();
  await expect(page.locator(".badge", { hasText: "released" }).first()).toBeVisible({ timeout: 30_000 });
  await page.goto(`${site.url}/account/billing`);
  await page.getByRole("link", { name: "Costs" }).click();
  await expect(page.getByRole("img", { name: /Spent by day/ })).toBeVisible();
  await expect(page.getByRole("cell", { name: /Default/ })).toBeVisible();
  await axe(page);
  await page.getByRole("link", { name: "person", exact: true }).click();
  await expect(page.getByRole("cell", { name: /Ada Lovelace/ })).toBeVisible();
  const csv = await (await context.request.get(`${site.url}/api/v1/billing/costs.csv?by=person`)).text();
  expect(csv).toContain("Ada Lovelace");
  expect(cli(["costs", "--by", "sku"])).toContain("sim-h100-slice");
  await page.getByRole("link", { name: "Budgets" }).click();
  await expect(page.getByText("No budget is set")).toBeVisible();
  await page.getByLabel("At most").fill("0");
  await page.getByRole("button", { name: "Set" }).click();
  await expect(page.getByText("Enter an amount above zero").first()).toBeVisible();
  await page.getByLabel("At most").fill("0.10");
  await page.getByLabel("It", { exact: true }).selectOption("hard");
  await page.getByRole("button", { name: "Set" }).click();
  await expect(page.getByRole("cell", { name: "stops launches" })).toBeVisible();
  await axe(page);
  await page.goto(`${site.url}/launch/compute`);
  await expect(page.getByText("It does not fit into the budget of the organization")).toBeVisible();
  await expect(page.getByRole("button", { name: "Launch" })).toBeDisabled();
  expect(cli(["budget", "list"])).toContain("stops launches");
  await page.goto(`${site.url}/account/billing/budgets`);
  await page.getByRole("button", { name: "Remove the budget of the organization" }).click();
  await expect(page.getByText("No budget is set")).toBeVisible();
  await page.setViewportSize({ width: 375, height: 800 });
  for (const path of ["/account/billing/costs", "/account/billing/budgets"]) {
    await page.goto(`${site.url}${path}`);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
  }
  await context.close();
});

// Two hours pass, and the simulator forgets the refund it made.
const LATER = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for table, column in (("payments", "settled_at"), ("refunds", "ended_at"), ("simulated_movements", "at")):
    db.execute(f"UPDATE {table} SET {column} = {column} - 7200000000 WHERE {column} IS NOT NULL")
assert db.execute("DELETE FROM simulated_movements WHERE kind = 'refund'").rowcount == 1
db.commit()
`;

test("reconciliation: the account agrees, a difference is a case, and a person closes it", async ({ browser }) => {
  const [context, page] = await open(browser);
  await page.goto(`${site.url}/platform/finance/reconciliation`);
  await expect(page.getByText("No case is open")).toBeVisible();
  await axe(page);
  await site.again((data) => execFileSync("python3", ["-c", LATER, `${data}/server/gpuaas.db`]));
  await expect(async () => {
    await page.goto(`${site.url}/platform/finance/reconciliation`);
    await expect(page.getByText("The books show it, the processor does not.")).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 30_000 });
  await expect(page.getByText("More there")).toBeVisible();
  await axe(page);
  await page.setViewportSize({ width: 375, height: 800 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
  await page.screenshot({ path: `${process.env.GPUAAS_SHOTS ?? site.folder}/reconciliation-narrow.png`, fullPage: true });
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot({ path: `${process.env.GPUAAS_SHOTS ?? site.folder}/reconciliation.png`, fullPage: true });
  await page.emulateMedia({ colorScheme: "light" });
  await page.getByRole("table", { name: "Cases" }).getByRole("link").click();
  await expect(page.getByText("Look at the refund at the processor and send it there.")).toBeVisible();
  await axe(page);
  await page.getByLabel("What was found and done").fill("x");
  await page.getByRole("button", { name: "Close the case" }).click();
  await expect(page.getByText("Write 3 to 300 plain characters.").first()).toBeVisible();
  await page.screenshot({ path: `${process.env.GPUAAS_SHOTS ?? site.folder}/case.png`, fullPage: true });
  await page.getByLabel("What was found and done").fill("Sent there by hand");
  await page.getByRole("button", { name: "Close the case" }).click();
  await expect(page.getByText("The case is closed.")).toBeVisible();
  await expect(page.getByText("No case is open")).toBeVisible();
  await page.getByRole("link", { name: "Closed cases" }).click();
  await expect(page.getByRole("table", { name: "Cases" }).getByRole("row")).toHaveCount(2);
  expect(cli(["finance", "cases", "--closed"])).toContain("Sent there by hand");
  expect(cli(["finance", "reconciliation"])).toMatch(/difference +none\nopen cases +0/);
  await context.close();
});
