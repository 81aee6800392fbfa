import { expect, test } from "@playwright/test";
import { axe, PASSWORD, Site } from "./site.mjs";

// Price books: whoever runs the site sets them, a tenant sees what it pays and what the list says.
let site;
let state;
test.describe.configure({ mode: "serial" });
test.beforeAll(async ({ browser }) => {
  site = await Site.start({ args: ["--simulate", "1x4xH100"] });
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

test("a book is made, discounts a tenant's prices, and rounds a run up to its steps", async ({ browser }) => {
  test.setTimeout(120_000);
  const context = await browser.newContext({ storageState: state });
  const page = await context.newPage();
  await expect(async () => {
    await page.goto(`${site.url}/compute/prices`);
    await expect(page.getByRole("row", { name: /sim-h100-slice/ })).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 30_000 });
  await expect(page.locator("s")).toHaveCount(0);
  await axe(page);
  await page.goto(`${site.url}/platform/finance/prices`);
  await expect(page.getByText("Everybody pays list prices")).toBeVisible();
  await axe(page);
  await page.getByLabel("Name", { exact: true }).fill("Universities");
  await page.getByRole("button", { name: "Make book" }).click();
  await expect(page.getByText("The book is made.")).toBeVisible();
  await expect(page.getByText("It says nothing yet")).toBeVisible();
  await page.getByLabel("Discount").fill("120");
  await page.getByRole("button", { name: "Set line" }).click();
  await expect(page.getByText("Enter a percentage above 0 and at most 100").first()).toBeVisible();
  await expect(page.getByLabel("Discount")).toHaveValue("120");
  await page.getByLabel("Discount").fill("50");
  await page.getByLabel("Steps of seconds").fill("3600");
  await page.getByRole("button", { name: "Set line" }).click();
  await expect(page.getByText("The line is set.")).toBeVisible();
  await expect(page.getByRole("row", { name: /All hardware.*50 % off, in steps of 1 h/ })).toBeVisible();
  const me = await (await context.request.get(`${site.url}/api/v1/me`)).json();
  const project = await (await context.request.get(`${site.url}/api/v1/projects/${me.default_project_id}`)).json();
  await page.getByLabel("Organization").fill(project.org_id);
  await page.getByRole("button", { name: "Set", exact: true }).click();
  await expect(page.getByText(/The prices of .* are set\./)).toBeVisible();
  await axe(page);
  if (process.env.GPUAAS_SHOTS) await page.screenshot({ path: `${process.env.GPUAAS_SHOTS}/price-book.png`, fullPage: true });
  for (const address of ["/compute", "/compute/prices", "/launch/compute"]) {
    await page.goto(`${site.url}${address}`);
    await expect(page.locator("s").first()).toHaveText(/€2\.49/);
    await expect(page.getByText("in steps of 1 h", { exact: false }).first()).toBeVisible();
    await axe(page);
    if (process.env.GPUAAS_SHOTS) await page.screenshot({ path: `${process.env.GPUAAS_SHOTS}/prices${address.replaceAll("/", "-")}.png`, fullPage: true });
  }
  await page.setViewportSize({ width: 375, height: 800 });
  for (const address of ["/compute", "/compute/prices", "/platform/catalog", "/platform/finance/prices"]) {
    await page.goto(`${site.url}${address}`);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
    if (process.env.GPUAAS_SHOTS) await page.screenshot({ path: `${process.env.GPUAAS_SHOTS}/narrow${address.replaceAll("/", "-")}.png`, fullPage: true });
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  cli(["login", "--server", site.url, "--email", "ada@example.com"], `${PASSWORD}\n`);
  expect(cli(["prices"])).toMatch(/sim-h100-slice .*€1\.245 .*in steps of 1 h .*€2\.49/);
  expect(cli(["launch", "sim-h100-slice", "--yes", "--name", "stepped"])).toContain("€1.245 (list €2.49), in steps of 1 h");
  const runs = JSON.parse(cli(["ls", "--output", "json"]));
  const id = runs.items.find((one) => one.name === "stepped").id;
  cli(["release", id, "--wait"]);
  // Seconds of a run cost the hour that began.
  const charged = JSON.parse(cli(["show", id, "--output", "json"])).charged.micros;
  expect(charged).toBe("1245000");
  const books = JSON.parse(cli(["price-book", "list", "--output", "json"]));
  expect(books.items).toMatchObject([{ name: "Universities", used: 1 }]);
  expect(cli(["price-book", "show", books.items[0].id])).toContain("50 % off");
  const line = JSON.parse(cli(["statement", "--output", "json"])).items.find((one) => one.kind === "usage");
  expect(cli(["explain", line.txn_id])).toContain("counted in steps of 1 h");
  cli(["price-book", "assign", project.org_id]);
  expect(cli(["prices"])).not.toContain("€1.245");
  await context.close();
});
