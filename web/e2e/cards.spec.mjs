import { expect, test } from "@playwright/test";
import { axe, PASSWORD, Site } from "./site.mjs";

// Saved cards and automatic top-up, as whoever pays meets them; and a balance that runs low, and out.
let site;
let state;
test.describe.configure({ mode: "serial" });
test.beforeAll(async ({ browser }) => {
  site = await Site.start({ args: ["--simulate", "1x4xH100"], env: { GPUAAS_BILLING__WELCOME_CREDIT: "0", GPUAAS_BILLING__WINDOW_SECONDS: "5", GPUAAS_BILLING__STOP_MARGIN_SECONDS: "5" } });
  const context = await browser.newContext();
  await site.signUpFirst(await context.newPage());
  state = await context.storageState();
  await context.close();
});
test.afterEach(async ({}, info) => {
  if (site && info.status !== info.expectedStatus) await info.attach("log of the program", { body: site.log });
});
test.afterAll(async () => { if (site) await site.end(); });

const cli = (args, input) => site.cli(args, input);

async function save(page, button) {
  await page.goto(`${site.url}/account/billing/cards`);
  await page.getByRole("button", { name: "Save a card" }).click();
  await page.getByRole("link", { name: "Enter the card" }).click();
  await expect(page.getByText("No money moves.")).toBeVisible();
  await axe(page);
  await page.getByRole("button", { name: button }).click();
}

async function shot(page, name) {
  if (process.env.GPUAAS_SHOTS) await page.screenshot({ path: `${process.env.GPUAAS_SHOTS}/${name}.png`, fullPage: true });
}

test("a card is saved, pays at once, and is removed", async ({ browser }) => {
  const context = await browser.newContext({ storageState: state });
  const page = await context.newPage();
  await page.goto(`${site.url}/account/billing/cards`);
  await expect(page.getByText("No card is saved")).toBeVisible();
  await axe(page);
  await save(page, "Go back without saving");
  await expect(page.getByText("No card was entered. Nothing is saved.")).toBeVisible({ timeout: 15_000 });
  await save(page, "Save a card that can be charged");
  await expect(page.getByText("Visa ending in 4242 is saved.")).toBeVisible({ timeout: 15_000 });
  await save(page, "Save a card that is declined when charged");
  await expect(page.getByText("Visa ending in 0002 is saved.")).toBeVisible({ timeout: 15_000 });
  await page.goto(`${site.url}/account/billing/add`);
  await axe(page);
  await page.getByLabel("Pay with").selectOption({ label: "Visa ending in 0002, at once" });
  await page.getByRole("button", { name: "€20" }).click();
  await expect(page.getByText("The card was declined.")).toBeVisible({ timeout: 15_000 });
  await page.goto(`${site.url}/account/billing/add`);
  await page.getByLabel("Pay with").selectOption({ label: "Visa ending in 4242, at once" });
  await page.getByRole("button", { name: "€20" }).click();
  await expect(page.getByText("€20.00 is in the balance.")).toBeVisible({ timeout: 15_000 });
  await axe(page);
  cli(["login", "--server", site.url, "--email", "ada@example.com"], `${PASSWORD}\n`);
  const cards = JSON.parse(cli(["card", "list", "--output", "json"])).items;
  const bad = cards.find((one) => one.last4 === "0002");
  const good = cards.find((one) => one.last4 === "4242");
  expect(cli(["payment", "create", "5", "--card", good.id])).toContain("paid");
  await page.goto(`${site.url}/account/billing/cards`);
  await shot(page, "cards");
  await page.setViewportSize({ width: 375, height: 800 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
  await shot(page, "cards-narrow");
  cli(["card", "remove", bad.id]);
  expect(cli(["card", "list"])).not.toContain("0002");
  await context.close();
});

test("automatic top-up adds funds when they run low, up to its limit", async ({ browser }) => {
  const context = await browser.newContext({ storageState: state });
  const page = await context.newPage();
  await page.goto(`${site.url}/account/billing/cards`);
  await page.getByLabel("When available falls below").fill("30");
  await page.getByLabel("Add", { exact: true }).fill("10");
  await page.getByLabel("At most in a month").fill("5");
  await page.getByRole("button", { name: "Turn on" }).click();
  await expect(page.getByText("The limit of a month is at least what is added at once").first()).toBeVisible();
  await expect(page.getByLabel("When available falls below")).toHaveValue("30");
  await page.getByLabel("At most in a month").fill("10");
  await page.getByRole("button", { name: "Turn on" }).click();
  await expect(page.getByText("Automatic top-up is on.")).toBeVisible();
  await axe(page);
  await expect(async () => {
    const balance = await (await context.request.get(`${site.url}/api/v1/billing/balance`)).json();
    expect(balance.available.micros).toBe("35000000");
  }).toPass({ timeout: 30_000 });
  await page.reload();
  await expect(page.getByText("€10.00 of at most €10.00")).toBeVisible();
  await shot(page, "auto-top-up");
  expect(cli(["top-up", "show"])).toContain("€10.00 of €10.00");
  await page.goto(`${site.url}/account/billing/payments`);
  await page.getByRole("row", { name: /€10\.00/ }).getByRole("link").click();
  await expect(page.getByText("by automatic top-up")).toBeVisible();
  cli(["top-up", "stop"]);
  await page.goto(`${site.url}/account/billing/cards`);
  await expect(page.getByRole("button", { name: "Turn off" })).toHaveCount(0);
  await context.close();
});

test("a balance runs low and out: told in time, work is released, and goes on after a top-up only when asked", async ({ browser }) => {
  test.setTimeout(240_000);
  const context = await browser.newContext({ storageState: state });
  const page = await context.newPage();
  const me = await (await context.request.get(`${site.url}/api/v1/me`)).json();
  const project = await (await context.request.get(`${site.url}/api/v1/projects/${me.default_project_id}`)).json();
  const book = cli(["price-book", "make", "Dear"]).match(/book_\w+/)[0];
  cli(["price-book", "set", book, "sku", "*", "--discount", "0.01"]);
  cli(["price-book", "set", book, "sku", "sim-h100-slice", "--price", "1200"]);
  cli(["price-book", "assign", project.org_id, "--book", book]);
  await page.goto(`${site.url}/launch/compute?sku=sim-h100-slice&count=4`);
  await expect(page.getByText("The balance of €35.00 does not cover it.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Launch" })).toBeDisabled();
  await page.goto(`${site.url}/launch/compute?sku=sim-h100-slice&count=1`);
  await page.getByLabel("Name").fill("short");
  await page.getByRole("button", { name: "Launch" }).click();
  await expect(page.getByText("It is on its way.")).toBeVisible();
  const workload = page.url();
  await expect(async () => {
    await page.goto(`${site.url}/account/billing`);
    await expect(page.getByText("Running work is about to be released")).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 60_000 });
  await axe(page);
  await shot(page, "about-to-be-released");
  await expect(async () => {
    await page.goto(workload);
    await expect(page.getByText("The balance ran out. Add funds and launch again.").first()).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 150_000 });
  await page.goto(`${site.url}/account/billing`);
  await expect(page.getByText("There is nothing to spend").first()).toBeVisible();
  await shot(page, "depleted");
  await expect(async () => {
    await page.goto(`${site.url}/account/notices`);
    await expect(page.getByRole("heading", { name: /is about to be released/ }).first()).toBeVisible({ timeout: 500 });
    await expect(page.getByRole("heading", { name: /is used up/ }).first()).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 45_000 });
  await page.goto(`${site.url}/compute`);
  await expect(page.getByRole("heading", { name: "H100 GPUs" })).toBeVisible();
  await page.goto(`${site.url}/account/billing/add`);
  await expect(page.getByLabel("Pay with")).toHaveValue("");
  await page.getByLabel("Pay with").selectOption({ label: "Visa ending in 4242, at once" });
  await page.getByRole("button", { name: "€100" }).click();
  await expect(page.getByText("€100.00 is in the balance.")).toBeVisible({ timeout: 15_000 });
  const rows = JSON.parse(cli(["ls", "--output", "json"])).items;
  expect(rows.find((one) => one.name === "short").state).toMatch(/released|releasing/);
  expect(cli(["launch", "sim-h100-slice", "--yes", "--name", "again"])).toContain("active");
  await context.close();
});
