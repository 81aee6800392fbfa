import { expect, test } from "@playwright/test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PASSWORD, Site, axe } from "./site.mjs";

// What terminals show, recorded: asked for, agreed to, played, searched, taken away as a file, erased.
let site;
let context;
let page;
let workload;
let other;
const complaints = [];
test.describe.configure({ mode: "serial" });
test.beforeAll(async ({ browser }) => {
  expect(process.getuid(), "not run: sandboxes with limits need root").toBe(0);
  site = await Site.start({ args: ["--simulate", "1x4xH100"] });
  context = await browser.newContext({ acceptDownloads: true });
  context.on("weberror", (error) => complaints.push(String(error.error())));
  page = await context.newPage();
  await site.signUpFirst(page);
  site.cli(["login", "--server", site.url, "--email", "ada@example.com"], `${PASSWORD}\n`);
  await expect(async () => {
    await page.goto(`${site.url}/compute`);
    await expect(page.getByText("4 of 4 free").first()).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 30_000 });
});
test.afterEach(async ({}, info) => {
  if (site && info.status !== info.expectedStatus) await info.attach("log of the program", { body: site.log });
});
test.afterAll(async () => {
  expect(complaints).toEqual([]);
  if (site) await site.end();
});

const shoot = async (of, name, full = true) => {
  await axe(of);
  if (!process.env.GPUAAS_SHOTS) return;
  for (const [scheme, width] of [["light", 1280], ["dark", 1280], ["light", 375], ["dark", 375]]) {
    await of.emulateMedia({ colorScheme: scheme });
    await of.setViewportSize({ width, height: 900 });
    const wide = await of.evaluate(() => document.documentElement.scrollWidth);
    expect(wide, `${name} fits ${width}`).toBeLessThanOrEqual(width);
    await of.screenshot({ path: `${process.env.GPUAAS_SHOTS}/rec-${name}-${scheme}-${width}.png`, fullPage: full });
  }
  await of.emulateMedia({ colorScheme: null });
  await of.setViewportSize({ width: 1280, height: 900 });
};
const launch = async (name) => {
  await page.goto(`${site.url}/launch/compute`);
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Launch" }).click();
  await expect(page.locator(".badge", { hasText: "active" }).first()).toBeVisible({ timeout: 20_000 });
  return page.url().split("/").pop().split("?")[0];
};
const rows = (of) => of.locator(".xterm-rows");
const type = async (of, text) => { await of.locator(".xterm-helper-textarea").focus(); await of.keyboard.type(text); };

test("nothing is recorded before somebody wants it", async () => {
  await page.goto(`${site.url}/access/recordings`);
  await expect(page.getByText("No recording")).toBeVisible();
  await expect(page.getByText("Terminals are not recorded here.")).toBeVisible();
  await shoot(page, "empty");
  workload = await launch("recorded");
  await page.goto(`${site.url}/terminal/popout?allocation=${workload}`);
  await expect(page.getByText("connected")).toBeVisible();
  await expect(page.getByRole("button", { name: "Record" })).toBeHidden();
});

test("where recording is required, what is open ends, and nothing opens before somebody agreed", async () => {
  other = await context.newPage();
  await other.goto(`${site.url}/access/organizations`);
  await other.getByRole("link", { name: /Ada/ }).first().click();
  await other.getByRole("link", { name: "Recording", exact: true }).click();
  await other.getByLabel(/Always/).check();
  await other.getByLabel("Days a recording is kept").fill("30");
  await shoot(other, "policy");
  await other.getByRole("button", { name: "Save" }).click();
  await expect(other.getByText("Saved.")).toBeVisible();
  await expect(page.getByRole("heading", { name: "This terminal is recorded" })).toBeVisible({ timeout: 8_000 });
  await page.reload();
  await expect(page.getByRole("heading", { name: "This terminal is recorded" })).toBeVisible();
  await expect(page.getByText("for 30 days")).toBeVisible();
  await shoot(page, "consent", false);
  await page.getByRole("button", { name: "Agree and open" }).click();
  await expect(page.getByText("connected")).toBeVisible();
  await expect(page.getByRole("button", { name: "Recorded" })).toBeVisible();
  await type(page, "echo needle-$((40+2)); stty -echo; read word; stty echo\n");
  await expect(rows(page)).toContainText("needle-42");
  await page.waitForTimeout(300);
  await type(page, "correct horse\n");
  // Loaded again, it goes on, and nobody is asked twice.
  await page.reload();
  await expect(page.getByText("connected")).toBeVisible();
  await type(page, "echo later; exit\n");
  await expect(page.getByText("the shell ended with 0")).toBeVisible();
});

test("it is played, searched, sped up, and its proof is told", async () => {
  await page.goto(`${site.url}/access/recordings`);
  await expect(page.getByText("complete")).toHaveCount(1, { timeout: 8_000 });
  await shoot(page, "list");
  await page.getByRole("link", { name: "recorded" }).first().click();
  await expect(page.getByText("as recorded")).toBeVisible();
  await page.getByLabel("Speed").selectOption("16");
  await page.getByRole("button", { name: "Play" }).click();
  await expect(rows(page)).toContainText("needle-42");
  await expect(rows(page)).toContainText("later");
  await expect(page.getByRole("button", { name: "Again" })).toBeVisible({ timeout: 10_000 });
  await page.getByLabel("Find in what was shown").fill("NEEDLE-42");
  await page.getByRole("button", { name: "Find" }).click();
  await expect(page.getByText("One place.")).toBeVisible();
  await shoot(page, "play");
  await page.getByLabel("Find in what was shown").fill("correct horse");
  await page.getByRole("button", { name: "Find" }).click();
  await expect(page.getByText("Nothing like that was shown.")).toBeVisible();
});

test("it is taken away as a file, and at the command line", async () => {
  const waits = page.waitForEvent("download");
  await page.getByRole("link", { name: "asciicast" }).click();
  const download = await waits;
  expect(download.suggestedFilename()).toMatch(/^record_[a-z0-9]+\.cast$/);
  const text = readFileSync(await download.path(), "utf8");
  expect(text).toContain("needle-42");
  expect(text).not.toContain("correct horse");
  const list = JSON.parse(site.cli(["recordings", "list", "--output", "json"]));
  const id = list.items[0].id;
  const saved = join(site.folder, "one.cast");
  site.cli(["recordings", "save", id, saved]);
  expect(readFileSync(saved, "utf8")).toBe(text);
  expect(site.cli(["recordings", "play", id, "--speed", "1000"])).toContain("needle-42");
  expect(site.cli(["recordings", "policy"])).toContain("required, kept for 30 days");
  expect(() => site.cli(["shell", workload], "exit\n")).toThrow(/--record/);
  expect(site.cli(["shell", "--record", workload], "echo cli-$((1+1))\nexit\n")).toContain("cli-2");
});

test("an owner erases it, and its proof stays", async () => {
  await page.goto(`${site.url}/access/recordings`);
  await page.getByRole("link", { name: "recorded" }).last().click();
  await page.locator("summary", { hasText: "Erase" }).click();
  await page.getByRole("button", { name: "Erase it" }).click();
  await expect(page.getByText("What it showed is not kept any more.")).toBeVisible();
  await expect(page.getByText("SHA-256 of the file")).toBeVisible();
  await shoot(page, "erased");
});

test("where it is free, somebody switches it on and off", async () => {
  site.cli(["recordings", "policy", "on", "--keep-days", "7"]);
  // A tab that agreed before is recorded still; this one is asked nothing, and is not.
  page = await context.newPage();
  await page.goto(`${site.url}/terminal/popout?allocation=${workload}`);
  await expect(page.getByText("connected")).toBeVisible();
  await page.getByRole("button", { name: "Record", exact: true }).click();
  await expect(page.getByRole("button", { name: "Recorded" })).toBeVisible();
  await type(page, "echo on-$((1+1))\n");
  await expect(rows(page)).toContainText("on-2");
  await page.getByRole("button", { name: "Recorded" }).click();
  await expect(page.getByRole("button", { name: "Record", exact: true })).toBeVisible();
  await type(page, "echo off-$((1+1))\n");
  await expect(rows(page)).toContainText("off-2");
  const list = JSON.parse(site.cli(["recordings", "list", "--output", "json"]));
  const saved = join(site.folder, "two.cast");
  site.cli(["recordings", "save", list.items[0].id, saved]);
  const text = readFileSync(saved, "utf8");
  expect(text).toContain("on-2");
  expect(text).not.toContain("off-2");
});
