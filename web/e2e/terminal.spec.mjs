import { expect, test } from "@playwright/test";
import { randomBytes, createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PASSWORD, Site, axe } from "./site.mjs";

// What stands around a terminal: find, text size, colours, keys on the screen, files, and letting somebody follow.
let site;
let context;
let page;
let guests;
let guest;
let workload;
const complaints = [];
const GRACE = "grace@example.com";
test.describe.configure({ mode: "serial" });
test.beforeAll(async ({ browser }) => {
  expect(process.getuid(), "not run: sandboxes with limits need root").toBe(0);
  site = await Site.start({ args: ["--simulate", "1x4xH100"] });
  context = await browser.newContext({ permissions: ["clipboard-read", "clipboard-write"] });
  guests = await browser.newContext();
  for (const one of [context, guests]) one.on("weberror", (error) => complaints.push(String(error.error())));
  page = await context.newPage();
  await site.signUpFirst(page);
  site.cli(["login", "--server", site.url, "--email", "ada@example.com"], `${PASSWORD}\n`);
  await expect(async () => {
    await page.goto(`${site.url}/compute`);
    await expect(page.getByText("4 of 4 free").first()).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 30_000 });
  await page.goto(`${site.url}/launch/compute`);
  await page.getByLabel("Name", { exact: true }).fill("shared");
  await page.getByRole("button", { name: "Launch" }).click();
  await expect(page.locator(".badge", { hasText: "active" }).first()).toBeVisible({ timeout: 20_000 });
  workload = page.url().split("/").pop().split("?")[0];
});
test.afterEach(async ({}, info) => {
  if (site && info.status !== info.expectedStatus) await info.attach("log of the program", { body: site.log });
});
test.afterAll(async () => {
  expect(complaints).toEqual([]);
  if (site) await site.end();
});

const shoot = async (of, name) => {
  await axe(of);
  if (!process.env.GPUAAS_SHOTS) return;
  for (const [scheme, width] of [["light", 1280], ["dark", 1280], ["light", 375], ["dark", 375]]) {
    await of.emulateMedia({ colorScheme: scheme });
    await of.setViewportSize({ width, height: 900 });
    const wide = await of.evaluate(() => document.documentElement.scrollWidth);
    expect(wide, `${name} fits ${width}`).toBeLessThanOrEqual(width);
    await of.screenshot({ path: `${process.env.GPUAAS_SHOTS}/term-${name}-${scheme}-${width}.png` });
  }
  await of.emulateMedia({ colorScheme: null });
  await of.setViewportSize({ width: 1280, height: 900 });
};
const rows = (of) => of.locator(".xterm-rows");
const type = async (of, text) => { await of.locator(".xterm-helper-textarea").focus(); await of.keyboard.type(text); };
const tool = async (of, name) => { await of.locator("#terminal-menu > summary").click(); await of.locator(`[data-tool=${name}]`).click(); };

test("a page has what one looks for in a terminal", async () => {
  await page.goto(`${site.url}/terminal/popout?allocation=${workload}`);
  await expect(page.getByText("connected")).toBeVisible();
  await type(page, "echo hay; echo needle-$((1+1)); echo hay\n");
  await expect(rows(page)).toContainText("needle-2");
  await page.locator("#terminal-menu > summary").click();
  await shoot(page, "tools");
  await page.locator("#terminal-menu > summary").click();
  await page.locator(".xterm-helper-textarea").focus();
  await page.keyboard.press("Control+Shift+F");
  await page.getByLabel("Find in the terminal").fill("needle-2");
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Find in the terminal")).toHaveAttribute("aria-invalid", "false");
  await shoot(page, "find");
  await page.getByLabel("Find in the terminal").fill("nothing like it");
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Find in the terminal")).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("Find in the terminal").fill("needle-2");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await expect(page.getByLabel("Find in the terminal")).toBeHidden();
  await tool(page, "copy");
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("needle-2");
  await page.evaluate(() => navigator.clipboard.writeText("echo pasted-$((2+2))"));
  await tool(page, "paste");
  await expect(rows(page)).toContainText("echo pasted-");
  await page.keyboard.press("Enter");
  await expect(rows(page)).toContainText("pasted-4");
});

test("text size and colours are kept for the next page", async () => {
  const before = await page.locator("#terminal-size").textContent();
  await page.locator(".xterm-helper-textarea").focus();
  for (let press = 0; press < 3; press += 1) await page.keyboard.press("Control+Shift+Equal");
  await expect(page.locator("#terminal-size")).not.toHaveText(before);
  const larger = await page.locator("#terminal-size").textContent();
  await tool(page, "theme");
  await expect(page.locator("body")).toHaveAttribute("data-terminal", "light");
  await page.reload();
  await expect(page.getByText("connected")).toBeVisible();
  await expect(page.locator("body")).toHaveAttribute("data-terminal", "light");
  await expect(page.locator("#terminal-size")).toHaveText(larger);
  await shoot(page, "light");
  await tool(page, "theme");
  await tool(page, "theme");
  for (let press = 0; press < 3; press += 1) await tool(page, "smaller");
});

test("a telephone has the keys it lacks", async () => {
  await page.setViewportSize({ width: 375, height: 700 });
  await tool(page, "keys");
  await expect(page.getByRole("toolbar", { name: "Keys" })).toBeVisible();
  await type(page, "sleep 100\n");
  await page.getByRole("button", { name: "Ctrl" }).click();
  await expect(page.getByRole("button", { name: "Ctrl" })).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.type("c");
  await expect(rows(page)).toContainText("^C");
  await page.getByRole("button", { name: "↑" }).click();
  await expect(rows(page)).toContainText(/\^C.*sleep 100/s);
  await page.getByRole("button", { name: "Ctrl" }).click();
  await page.keyboard.type("u");
  await shoot(page, "keys");
  await tool(page, "keys");
});

test("a file that is dropped lies in the home folder, whole", async () => {
  const bytes = randomBytes(3_000_000);
  const sum = createHash("sha256").update(bytes).digest("hex");
  writeFileSync(join(site.folder, "it's data $(id).bin"), bytes);
  await page.locator("#terminal-file").setInputFiles(join(site.folder, "it's data $(id).bin"));
  await expect(page.getByRole("status").first()).toContainText("is in the home folder", { timeout: 20_000 });
  await type(page, "clear; sha256sum ~/*.bin | cut -c1-64\n");
  await expect(rows(page)).toContainText(sum.slice(0, 40));
  await page.locator("#terminal-file").setInputFiles(join(site.folder, "it's data $(id).bin"));
  await expect(page.getByRole("status").first()).toContainText("already");
  writeFileSync(join(site.folder, "empty.txt"), "");
  const data = await page.evaluateHandle(() => { const held = new DataTransfer(); held.items.add(new File(["dropped\n"], "dropped.txt")); return held; });
  await page.dispatchEvent("#terminal", "dragover", { dataTransfer: data });
  await expect(page.getByText("Drop it")).toBeVisible();
  await page.dispatchEvent("#terminal", "drop", { dataTransfer: data });
  await expect(page.getByRole("status").first()).toContainText("dropped.txt is in the home folder");
  await page.locator("#terminal-file").setInputFiles(join(site.folder, "empty.txt"));
  await expect(page.getByRole("status").first()).toContainText("empty.txt is in the home folder");
  await type(page, "clear; ls -A ~ | tr '\\n' ' '; cat ~/dropped.txt\n");
  await expect(rows(page)).toContainText("dropped.txt empty.txt");
  await expect(rows(page)).not.toContainText(".part-");
});

test("somebody follows who was let, sees it, and cannot type", async () => {
  await tool(page, "share");
  await expect(page.getByText("Nobody else is in the project.")).toBeVisible();
  await page.getByRole("button", { name: "Close" }).click();
  const office = await context.newPage();
  await office.goto(`${site.url}/access/organizations`);
  await office.getByRole("link", { name: "Ada Lovelace", exact: true }).click();
  await office.getByLabel("E-mail address").fill(GRACE);
  await office.getByLabel("As", { exact: true }).selectOption("viewer");
  await office.getByLabel("Into").selectOption({ label: "project Default" });
  await office.getByRole("button", { name: "Invite" }).click();
  const link = await office.locator(".code-block code").innerText();
  guest = await guests.newPage();
  await guest.goto(link);
  await guest.getByRole("link", { name: "Create an account" }).click();
  await guest.getByLabel("Name").fill("Grace Hopper");
  await guest.getByLabel("E-mail address").fill(GRACE);
  await guest.getByLabel("Password").fill(PASSWORD);
  await guest.getByRole("button", { name: "Create account" }).click();
  await guest.getByRole("button", { name: `Join as ${GRACE}` }).click();
  await expect(guest.getByText("Welcome. You are viewer here.")).toBeVisible();
  await guest.goto(`${site.url}/terminal/shares`);
  await expect(guest.getByText("None right now")).toBeVisible();
  await shoot(guest, "shares-empty");
  await page.reload();
  await expect(page.getByText("connected")).toBeVisible();
  await type(page, "clear; echo seen-$((40+2))\n");
  await tool(page, "share");
  await page.getByLabel("Who", { exact: true }).selectOption({ label: "Grace Hopper" });
  await page.getByRole("button", { name: "Share" }).click();
  await expect(page.getByText("Grace Hopper was told where to look.")).toBeVisible();
  await shoot(page, "sharing");
  await guest.reload();
  const opens = guests.waitForEvent("page");
  await guest.getByRole("link", { name: "Follow" }).click();
  guest = await opens;
  await expect(guest.getByText("following")).toBeVisible();
  await expect(rows(guest)).toContainText("seen-42");
  await expect(guest.locator("#terminal-size")).toHaveText(await page.locator("#terminal-size").textContent());
  await guest.locator("#terminal").click();
  await guest.keyboard.type("echo typed-by-guest\n");
  await page.getByRole("button", { name: "Close" }).click();
  await type(page, "echo later-$((1+1))\n");
  await expect(rows(guest)).toContainText("later-2");
  await expect(rows(page)).not.toContainText("typed-by-guest");
  await shoot(guest, "following");
  await tool(page, "share");
  await page.getByRole("button", { name: "Stop Grace Hopper" }).click();
  await expect(guest.getByText("it is not shared with you any more")).toBeVisible({ timeout: 6_000 });
  await expect(guest.getByRole("link", { name: "Shared terminals" })).toBeVisible();
  await page.getByRole("button", { name: "Close" }).click();
  await type(page, "echo still-$((1+1))\n");
  await expect(rows(page)).toContainText("still-2");
});

test("what is over says why, and what helps", async () => {
  const second = await context.newPage();
  await second.goto(`${site.url}/terminal/popout?allocation=${workload}`);
  await expect(second.getByText("connected")).toBeVisible();
  await type(second, "exit\n");
  await expect(second.getByText("the shell ended with 0")).toBeVisible();
  await second.getByRole("button", { name: "Open a new one" }).click();
  await expect(second.getByText("connected")).toBeVisible();
  site.cli(["release", workload]);
  await expect(second.getByText(/your access ended|the shell ended|the machine does not answer/)).toBeVisible({ timeout: 15_000 });
  await second.reload();
  await expect(second.getByText("No shell right now")).toBeVisible();
});
