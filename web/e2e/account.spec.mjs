import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import AxeBuilder from "@axe-core/playwright";
import { PASSWORD, Site } from "./site.mjs";

let site;
test.beforeAll(async () => { site = await Site.start(); });
test.afterAll(async () => { await site.end(); });

test.describe.configure({ mode: "serial" });
let state;

test("the first link makes the first account, once", async ({ page, context }) => {
  await page.goto(site.first);
  await page.getByLabel("Name").fill("Ada Lovelace");
  await page.getByLabel("E-mail address").fill("ada@example.com");
  await page.getByLabel("Password").fill("too short");
  await page.getByRole("button", { name: "Create the first account" }).click();
  await expect(page.getByText("Use 15 characters or more")).toBeVisible();
  await expect(page.getByLabel("E-mail address")).toHaveValue("ada@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Create the first account" }).click();
  await expect(page.getByRole("heading", { name: "Good to see you, Ada Lovelace" })).toBeVisible();
  await expect(page.getByTitle(/Balance of/)).toContainText("€20.00");
  state = await context.storageState();
  await page.goto(site.first);
  await expect(page.getByRole("heading", { name: "This link has ended" })).toBeVisible();
});

test("signing out and in again returns to the page asked for", async ({ browser }) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${site.url}/account/billing`);
  await expect(page).toHaveURL(/auth\/login\?return=%2Faccount%2Fbilling/);
  await page.getByLabel("E-mail address").fill("ada@example.com");
  await page.getByLabel("Password").fill("wrong wrong wrong wrong");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("E-mail address or password is wrong.");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Billing" })).toBeVisible();
  await page.getByLabel(/Account of/).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByText("You are signed out.")).toBeVisible();
  await page.goBack();
  await page.goto(`${site.url}/account/billing`);
  await expect(page).toHaveURL(/auth\/login/);
  await context.close();
});

test("projects: make, switch, rename, delete", async ({ browser }) => {
  const context = await browser.newContext({ storageState: state });
  const page = await context.newPage();
  await page.goto(`${site.url}/access/projects`);
  await page.getByLabel("Name").fill("default");
  await page.getByRole("button", { name: "Create project" }).click();
  await expect(page.getByText("already has this name")).toBeVisible();
  await page.getByLabel("Name").fill("Vision lab");
  await page.getByRole("button", { name: "Create project" }).click();
  await expect(page.getByText("Vision lab is ready.")).toBeVisible();
  await page.locator(".switcher summary").click();
  await page.getByRole("button", { name: /^Vision lab/ }).click();
  await expect(page.getByText("You are in Vision lab.")).toBeVisible();
  await expect(page.locator(".switcher summary")).toContainText("Vision lab");
  await page.getByLabel("Name", { exact: true }).fill("Speech lab");
  await page.getByRole("button", { name: "Rename" }).click();
  await expect(page.getByRole("heading", { name: "Speech lab" })).toBeVisible();
  await page.getByText("Delete project").click();
  await page.getByRole("button", { name: "Delete Speech lab" }).click();
  await expect(page.getByText("Speech lab is deleted.")).toBeVisible();
  await context.close();
});

test("a session ended elsewhere is over here", async ({ browser }) => {
  const first = await browser.newContext({ storageState: state });
  const second = await browser.newContext();
  const other = await second.newPage();
  await other.goto(`${site.url}/auth/login`);
  await other.getByLabel("E-mail address").fill("ada@example.com");
  await other.getByLabel("Password").fill(PASSWORD);
  await other.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(other.getByRole("heading", { name: /Good to see you/ })).toBeVisible();
  const page = await first.newPage();
  await page.goto(`${site.url}/account/sessions`);
  await page.getByText("End all others").click();
  await page.getByRole("button", { name: /End \d+ other sessions/ }).click();
  await expect(page.getByText(/Ended \d+ other sessions/)).toBeVisible();
  await other.reload();
  await expect(other).toHaveURL(/auth\/login/);
  await first.close();
  await second.close();
});

test("unknown and wrong are one answer", async ({ browser }) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const answers = [];
  for (const email of ["nobody@example.com", "ada@example.com"]) {
    await page.goto(`${site.url}/auth/login`);
    await page.getByLabel("E-mail address").fill(email);
    await page.getByLabel("Password").fill("wrong wrong wrong wrong");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    answers.push(await page.getByRole("alert").first().innerText());
  }
  expect(answers[0]).toBe("E-mail address or password is wrong.");
  expect(answers[1]).toBe(answers[0]);
  await page.goto(`${site.url}/edge-error/nowhere`);
  await expect(page.getByText(/Correlation ID/)).toBeVisible();
  await context.close();
});

test("a forgotten password is replaced through a mail", async ({ browser }) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${site.url}/auth/signup`);
  await page.getByLabel("Name").fill("Mary Shelley");
  await page.getByLabel("E-mail address").fill("mary@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await context.clearCookies();
  await page.goto(`${site.url}/auth/login`);
  await page.getByRole("link", { name: "Forgotten your password?" }).click();
  await page.getByLabel("E-mail address").fill("mary@example.com");
  await page.getByRole("button", { name: "Send the link" }).click();
  await expect(page.getByText("A mail is on its way.")).toBeVisible();
  const link = await expect.poll(() => mailed("mary@example.com")).toMatch(/new-password/).then(() => mailed("mary@example.com"));
  await page.goto(link);
  await page.getByLabel("New password").fill("another river of stones");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page.getByText("Your password is set.")).toBeVisible();
  await page.getByLabel("E-mail address").fill("mary@example.com");
  await page.getByLabel("Password").fill("another river of stones");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("heading", { name: /Good to see you/ })).toBeVisible();
  await page.goto(link);
  await expect(page.getByRole("heading", { name: "This link has ended" })).toBeVisible();
  await context.close();
});

test("a mail address is confirmed by a click on what was mailed, once", async ({ browser }) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${site.url}/auth/signup`);
  await page.getByLabel("Name").fill("Emmy Noether");
  await page.getByLabel("E-mail address").fill("emmy@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.waitForURL(`${site.url}/`);
  await page.goto(`${site.url}/account/security`);
  await expect(page.getByText("not confirmed")).toBeVisible();
  const link = await expect.poll(() => mailed("emmy@example.com", /https?:\S+confirm\S+/)).toMatch(/confirm/).then(() => mailed("emmy@example.com", /https?:\S+confirm\S+/));
  await page.goto(link);
  await expect(page.getByText("emmy@example.com")).toBeVisible();
  await page.getByRole("button", { name: "It is mine" }).click();
  await expect(page.getByText("Your address is confirmed.")).toBeVisible();
  await expect(page.getByText("not confirmed")).toHaveCount(0);
  await page.goto(link);
  await expect(page.getByRole("heading", { name: "This link has ended" })).toBeVisible();
  await context.close();
});

function mailed(address, what = /https?:\S+new-password\S+/) {
  const folder = join(site.folder, "data/server/mail");
  if (!existsSync(folder)) return "";
  const mails = readdirSync(folder).filter((name) => name.endsWith(".eml")).map((name) => readFileSync(join(folder, name), "utf8"));
  const mine = mails.filter((mail) => mail.includes(`To: ${address}`)).join("\n").replaceAll("=\r\n", "").replaceAll("=3D", "=");
  return mine.match(what)?.[0] ?? "";
}

test("guessing waits, and whoever was here before still gets in", async ({ browser }) => {
  const attempt = (password) => fetch(`${site.url}/api/v1/auth/personal/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "strange@example.com", password }),
  });
  let last;
  for (let n = 0; n < 12; n += 1) last = await attempt(`wrong wrong wrong ${n}`);
  expect(last.status).toBe(429);
  expect(Number(last.headers.get("retry-after"))).toBeGreaterThan(0);
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${site.url}/auth/login`);
  await page.getByLabel("E-mail address").fill("strange@example.com");
  await page.getByLabel("Password").fill("wrong wrong wrong wrong");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("alert").first()).toContainText("Too many attempts");
  await page.getByLabel("E-mail address").fill("ada@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("heading", { name: /Good to see you/ })).toBeVisible();
  await context.close();
});

test("every page is accessible, keeps its content policy and fits a narrow screen", async ({ browser }) => {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ storageState: state, colorScheme });
    const page = await context.newPage();
    const complaints = [];
    page.on("console", (message) => { if (message.type() === "error") complaints.push(message.text()); });
    page.on("pageerror", (error) => complaints.push(String(error)));
    for (const path of ["/", "/access/projects", "/account/billing", "/account/sessions", "/platform/evidence/audit", "/docs", "/docs/money", "/auth/signup", "/edge-error"]) {
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.goto(site.url + path);
      const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]).analyze();
      const serious = violations.filter((one) => ["serious", "critical"].includes(one.impact));
      expect(serious.map((one) => `${path}: ${one.id} ${one.nodes[0].target}`)).toEqual([]);
      await page.setViewportSize({ width: 375, height: 800 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
    }
    expect(complaints).toEqual([]);
    await context.close();
  }
});

test("pages work without scripts", async ({ browser }) => {
  const context = await browser.newContext({ storageState: state, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${site.url}/access/projects`);
  await page.getByLabel("Name").fill("No scripts");
  await page.getByRole("button", { name: "Create project" }).click();
  await expect(page.getByText("No scripts is ready.")).toBeVisible();
  await context.close();
});
