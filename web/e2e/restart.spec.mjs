import { expect, test } from "@playwright/test";
import { PASSWORD, Site } from "./site.mjs";

// What goes on when the programs around it start again.
let site;
let workload;
const rows = (of) => of.locator(".xterm-rows");
const type = async (of, text) => { await of.locator(".xterm-helper-textarea").focus(); await of.keyboard.type(text); };

test.beforeAll(async () => {
  expect(process.getuid(), "not run: sandboxes with limits need root").toBe(0);
  site = await Site.start({ args: ["--simulate", "1x2xH100"] });
});
test.afterEach(async ({}, info) => {
  if (site && info.status !== info.expectedStatus) await info.attach("log of the program", { body: site.log });
});
test.afterAll(async () => {
  if (site) await site.end();
});

test("a shell goes on when the machine's agent is killed or replaced, with what it printed meanwhile", async ({ page }) => {
  await site.signUpFirst(page);
  site.cli(["login", "--server", site.url, "--email", "ada@example.com"], `${PASSWORD}\n`);
  await expect(async () => {
    await page.goto(`${site.url}/compute`);
    await expect(page.getByText("2 of 2 free").first()).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 30_000 });
  workload = JSON.parse(site.cli(["launch", "sim-h100-slice", "--yes", "--output", "json"])).id;
  await page.goto(`${site.url}/terminal/popout?allocation=${workload}`);
  await expect(page.getByText("connected")).toBeVisible();
  await type(page, "stty size; mine=kept; (sleep 1; for n in $(seq 1 5000); do echo line $n; done; echo all-$((5000))-there) &\n");
  for (const round of [1, 2, 3]) {
    // The third time the whole site starts again, as for an upgrade.
    if (round < 3) site.killAgents(); else await site.again();
    await expect(page.getByText("trying again")).toBeVisible();
    await expect(page.getByText("connected")).toBeVisible({ timeout: 30_000 });
    if (round === 1) await expect(rows(page)).toContainText("all-5000-there");
    await type(page, `echo round-${round}-$mine-$((40 + 2))\n`);
    await expect(rows(page)).toContainText(`round-${round}-kept-42`);
  }
  await expect(page.locator("body")).not.toContainText("were not kept");
  // It is a terminal still: its size follows the window, its keys are signals, and what it ends with nobody hears.
  await type(page, "sleep 1000\n");
  await page.keyboard.press("Control+C");
  await type(page, "echo after-$?\n");
  await expect(rows(page)).toContainText("after-130");
  await page.setViewportSize({ width: 900, height: 500 });
  await expect(async () => {
    await type(page, "clear; stty size\n");
    await expect(rows(page)).toContainText(await page.evaluate(() => `${gpuaasTerminal.term.rows} ${gpuaasTerminal.term.cols}`), { timeout: 1000 });
  }).toPass();
  await page.setViewportSize({ width: 1280, height: 900 });
  await type(page, "exit 7\n");
  await expect(page.getByText("the shell ended", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Open a new one" }).click();
  await expect(page.getByText("connected")).toBeVisible();
  await type(page, "exit 7\n");
  await expect(page.getByText("the shell ended with 7")).toBeVisible();
  // Nothing of it is left with whoever kept it.
  site.cli(["release", workload, "--wait"]);
});
