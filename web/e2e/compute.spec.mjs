import { expect, test } from "@playwright/test";
import AxeBuilder from "@axe-core/playwright";
import { PASSWORD, Site, readFileSync } from "./site.mjs";

// The whole main job as somebody does it: launch, watch, shell, release, statement; and its other paths.
let site;
let state;
test.describe.configure({ mode: "serial" });
test.beforeAll(async ({ browser }) => {
  expect(process.getuid(), "not run: sandboxes with limits need root").toBe(0);
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

test("launch, timeline, terminal, release: statement equal in web, command line and API", async ({ browser }) => {
  const context = await browser.newContext({ storageState: state });
  const page = await context.newPage();
  const complaints = [];
  context.on("weberror", (error) => complaints.push(String(error.error())));
  await expect(async () => {
    await page.goto(`${site.url}/compute`);
    await expect(page.getByText("4 of 4 free").first()).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 30_000 });
  await page.goto(`${site.url}/launch/compute`);
  await page.getByLabel("2", { exact: true }).check();
  await expect(page.getByLabel("Summary")).toContainText("€4.98");
  await page.getByLabel("Name").fill("training run");
  await page.getByRole("button", { name: "Launch" }).click();
  await expect(page.locator(".badge", { hasText: "active" }).first()).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText("Make the sandbox and wait until it answers")).toBeVisible();
  await expect(page.locator(".badge.simulated").first()).toBeVisible();
  const id = page.url().match(/alloc_[a-z0-9]+/)[0];

  await page.getByRole("link", { name: "Connect" }).click();
  const opening = context.waitForEvent("page");
  await page.getByRole("link", { name: "Open terminal" }).click();
  const term = await opening;
  await expect(term.getByText("connected")).toBeVisible();
  await term.waitForTimeout(500);
  await term.keyboard.type("echo nonce-$((41+1)); nvidia-smi -L\n");
  await expect(term.locator(".xterm-rows")).toContainText("nonce-42");
  await expect(term.locator(".xterm-rows")).toContainText("(simulated)");
  expect(term.url()).not.toContain("ticket");

  await page.bringToFront();
  await page.getByText("Release", { exact: true }).click();
  await page.getByRole("button", { name: "Release training run" }).click();
  await expect(page.getByText("The meter has stopped")).toBeVisible();
  await expect(page.locator(".badge", { hasText: "released" }).first()).toBeVisible({ timeout: 30_000 });
  await expect(term.getByRole("button", { name: /Reconnect|Open a new one/ })).toBeVisible({ timeout: 8_000 });

  cli(["login", "--server", site.url, "--email", "ada@example.com"], `${PASSWORD}\n`);
  const shown = JSON.parse(cli(["show", id, "--output", "json"]));
  const statement = await (await context.request.get(`${site.url}/api/v1/billing/statement`)).json();
  const lines = statement.items.filter((line) => line.allocation_id === id);
  const sum = lines.reduce((total, line) => total + BigInt(line.amount.micros), 0n);
  expect(String(-sum)).toBe(shown.charged.micros);
  await page.goto(`${site.url}/account/billing`);
  for (const line of lines) {
    const digits = (Number(-BigInt(line.amount.micros)) / 1e6).toFixed(6).replace(/0{1,4}$/, "");
    await expect(page.getByText(`−€${digits}`).first()).toBeVisible();
  }
  await page.goto(`${site.url}/workloads?state=released`);
  await expect(page.getByRole("link", { name: "training run" })).toBeVisible();
  await page.goto(`${site.url}/workloads?state=failed`);
  await expect(page.getByText("No workload of this project is failed.")).toBeVisible();
  expect(complaints).toEqual([]);
  await context.close();
});

test("no money: blocked with who mends it, before anything changes", async ({ browser }) => {
  const poor = await Site.start({ args: ["--simulate", "1x1xH100"], env: { GPUAAS_BILLING__WELCOME_CREDIT: "0" } });
  const context = await browser.newContext();
  const page = await context.newPage();
  await poor.signUpFirst(page);
  await expect(page.getByText("There is nothing to spend")).toBeVisible();
  await expect(async () => {
    await page.goto(`${poor.url}/launch/compute`);
    await expect(page.getByText("does not cover it")).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 30_000 });
  await expect(page.getByRole("button", { name: "Launch" })).toBeDisabled();
  await expect(page.getByText("Can be mended by: organization owner")).toBeVisible();
  await page.goto(`${poor.url}/workloads`);
  await expect(page.getByText("Nothing runs yet")).toBeVisible();
  await context.close();
  await poor.end();
});

test("no capacity: sold out is said on the card, and the count that does not fit is off", async ({ browser }) => {
  const context = await browser.newContext({ storageState: state });
  const page = await context.newPage();
  await page.goto(`${site.url}/launch/compute?sku=sim-h100-slice&count=4&name=all`);
  await page.getByLabel("Name").fill("all of it");
  await page.getByRole("button", { name: "Launch" }).click();
  await expect(page.locator(".badge", { hasText: "active" }).first()).toBeVisible({ timeout: 30_000 });
  await page.goto(`${site.url}/compute`);
  await expect(page.getByText("sold out right now").first()).toBeVisible();
  await page.goto(`${site.url}/launch/compute?sku=sim-h100-slice&count=1`);
  await expect(page.getByText("nothing is free right now")).toBeVisible();
  await page.goto(`${site.url}/workloads`);
  await page.getByRole("link", { name: "all of it" }).click();
  await page.getByText("Release", { exact: true }).click();
  await page.getByRole("button", { name: "Release all of it" }).click();
  await expect(page.locator(".badge", { hasText: "released" }).first()).toBeVisible({ timeout: 30_000 });
  await context.close();
});

test("operators: nodes, join line, drain and back, prices, force release", async ({ browser }) => {
  const context = await browser.newContext({ storageState: state });
  const page = await context.newPage();
  await page.goto(`${site.url}/platform/lifecycle/nodes`);
  await page.getByRole("button", { name: "Add a node" }).click();
  await expect(page.getByText(/gpuaas agent --join .* --token gpuaas_j_/)).toBeVisible();
  await page.getByRole("link", { name: "simulated-0" }).click();
  await page.getByRole("button", { name: "Drain" }).click();
  await expect(page.getByText("The node takes nothing new.")).toBeVisible();
  await page.getByRole("button", { name: "Put back" }).click();
  await expect(page.getByText("The node is back.")).toBeVisible();
  await page.goto(`${site.url}/platform/catalog`);
  await page.getByLabel("Price of sim-h100-slice").fill("3.10");
  await page.locator("tr", { hasText: "sim-h100-slice" }).getByRole("button", { name: "Set" }).click();
  await page.goto(`${site.url}/compute`);
  await expect(page.getByText("€3.10").first()).toBeVisible();
  await page.goto(`${site.url}/platform/evidence/audit?action=catalog.edit`);
  await expect(page.getByText("catalog.edit").first()).toBeVisible();
  await page.goto(`${site.url}/platform/ops`);
  await expect(page.getByText("Nothing needs you")).toBeVisible();
  await expect(page.getByText("every invariant holds")).toBeVisible();

  const { id } = JSON.parse(cli(["launch", "sim-h100-slice", "--name", "stray", "--yes", "--output", "json"]));
  await page.goto(`${site.url}/platform/allocations?state=active`);
  await page.locator("summary", { hasText: "Force release" }).click();
  await page.getByLabel("Reason").fill("the tenant asked by telephone");
  await page.locator("button", { hasText: "Force release" }).click();
  await expect(page.getByText("It is being released.")).toBeVisible();
  await page.goto(`${site.url}/workloads/${id}`);
  await expect(page.locator(".badge", { hasText: "released" }).first()).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText("the tenant asked by telephone")).toBeVisible();
  await context.close();
});

test("recovery: the control plane is killed under an open page and terminal, and both come back", async ({ browser }) => {
  const context = await browser.newContext({ storageState: state });
  const page = await context.newPage();
  const { id } = JSON.parse(cli(["launch", "sim-h100-slice", "--name", "survivor", "--yes", "--output", "json"]));
  await page.goto(`${site.url}/workloads/${id}`);
  const term = await context.newPage();
  await term.goto(`${site.url}/terminal/popout?allocation=${id}`);
  await expect(term.getByText("connected")).toBeVisible();
  await expect(term.getByRole("button", { name: "Reconnect" })).toBeHidden();
  await term.keyboard.type("mark=held; echo kept-$((41+1))\n");
  await expect(term.locator(".xterm-rows")).toContainText("kept-42");
  const { pid } = JSON.parse(readFileSync(`${site.folder}/data/endpoints.json`, "utf8"));
  process.kill(pid, "SIGKILL");
  await expect(term.getByText("connected", { exact: true })).toBeHidden();
  await expect(term.getByText("connected", { exact: true })).toBeVisible({ timeout: 40_000 });
  // The same shell, by itself, with what stood on the screen.
  await expect(term.locator(".xterm-rows")).toContainText("kept-42");
  await term.keyboard.type("echo $mark-$((50+4))\n");
  await expect(term.locator(".xterm-rows")).toContainText("held-54");
  await term.reload();
  await expect(term.getByText("connected", { exact: true })).toBeVisible();
  await expect(term.locator(".xterm-rows")).toContainText("held-54");
  await term.keyboard.type("echo $mark-$((60+6))\n");
  await expect(term.locator(".xterm-rows")).toContainText("held-66");
  await page.bringToFront();
  cli(["release", id]);
  await expect(page.locator(".badge", { hasText: "released" }).first()).toBeVisible({ timeout: 30_000 });
  await context.close();
});

test("errors: what is not there says so in plain words, with an identifier to quote", async ({ browser }) => {
  const context = await browser.newContext({ storageState: state });
  const page = await context.newPage();
  for (const path of ["/workloads/alloc_01jd3x5gq8f9v7m2k4n6p8r0st", "/tasks/nonsense", "/no/such/page"]) {
    const answer = await page.goto(site.url + path);
    expect(answer.status()).toBe(404);
    await expect(page.getByRole("heading", { name: "Nothing here" })).toBeVisible();
    await expect(page.getByText(/Correlation ID cor_/)).toBeVisible();
  }
  await page.goto(`${site.url}/terminal/popout?allocation=alloc_01jd3x5gq8f9v7m2k4n6p8r0st`);
  await expect(page.getByRole("heading", { name: "Nothing here" })).toBeVisible();
  await context.close();
});

test("the pages of compute are accessible and fit a narrow screen", async ({ browser }) => {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ storageState: state, colorScheme });
    const page = await context.newPage();
    for (const path of ["/", "/compute", "/launch/compute", "/workloads", "/platform/ops", "/platform/ops/components", "/platform/lifecycle/nodes", "/platform/catalog", "/platform/allocations"]) {
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.goto(site.url + path);
      const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]).analyze();
      const serious = violations.filter((one) => ["serious", "critical"].includes(one.impact));
      expect(serious.map((one) => `${path}: ${one.id} ${one.nodes[0].target}`)).toEqual([]);
      await page.setViewportSize({ width: 375, height: 800 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth), path).toBeLessThanOrEqual(375);
    }
    await context.close();
  }
});
