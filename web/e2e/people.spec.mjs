// Projects, organizations, invitations, service accounts and keys, as people and programs use them.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import AxeBuilder from "@axe-core/playwright";
import { PASSWORD, Site } from "./site.mjs";

test.describe.configure({ mode: "serial" });
let site;
let home;
let ada;
let grace;
let secret;
let link;

test.beforeAll(async ({ browser }) => {
  site = await Site.start();
  home = site.url.replace("127.0.0.1", "localhost");
  const context = await browser.newContext();
  ada = await context.newPage();
  const cdp = await context.newCDPSession(ada);
  await cdp.send("WebAuthn.enable");
  await cdp.send("WebAuthn.addVirtualAuthenticator", { options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
  await ada.goto(site.first.replace("127.0.0.1", "localhost"));
  await ada.getByLabel("Name").fill("Ada Lovelace");
  await ada.getByLabel("E-mail address").fill("ada@example.com");
  await ada.getByLabel("Password").fill(PASSWORD);
  await ada.getByRole("button", { name: "Create the first account" }).click();
  await ada.waitForURL(`${home}/`);
});
test.afterAll(async () => { await site.end(); });

function gpuaas(args, env) {
  const clean = { PATH: process.env.PATH, HOME: site.folder, GPUAAS_URL: site.url, ...env };
  return execFileSync(process.env.GPUAAS_BIN, args, { env: clean, encoding: "utf8" });
}

test("a service account and its key are made on the way, and the command line uses it", async () => {
  await ada.goto(`${home}/access/service-accounts`);
  await expect(ada.getByRole("heading", { name: "No service account yet" })).toBeVisible();
  await ada.getByLabel("Name").fill("pipeline");
  await ada.getByRole("button", { name: "Create service account" }).click();
  await expect(ada.getByText("Now make its first key.")).toBeVisible();
  await ada.getByLabel("Name").fill("first key");
  await ada.getByRole("button", { name: "Create key" }).click();
  await expect(ada.getByText("It is shown this once.")).toBeVisible();
  secret = await ada.locator(".code-block code").first().innerText();
  expect(secret).toMatch(/^gpuaas_k_/);
  expect(gpuaas(["ls"], { GPUAAS_TOKEN: secret })).toContain("nothing");
  expect(() => gpuaas(["whoami"], { GPUAAS_TOKEN: secret })).toThrow(/human_required/);
});

test("rotating keeps the old key for a day, revoking ends it at once", async () => {
  await ada.getByRole("link", { name: "I have stored it" }).click();
  await expect(ada.getByText(/s ago|just now|never/).first()).toBeVisible();
  await ada.getByRole("button", { name: "Rotate" }).click();
  await expect(ada.getByText("The key before it works until")).toBeVisible();
  const fresh = await ada.locator(".code-block code").first().innerText();
  expect(gpuaas(["ls"], { GPUAAS_TOKEN: secret })).toContain("nothing");
  expect(gpuaas(["ls"], { GPUAAS_TOKEN: fresh })).toContain("nothing");
  await ada.getByRole("link", { name: "I have stored it" }).click();
  const old = ada.getByRole("row").nth(2);
  await old.getByText("Revoke", { exact: true }).click();
  await old.getByRole("button", { name: "Revoke first key" }).click();
  await expect(ada.getByText("The key has ended.")).toBeVisible();
  expect(() => gpuaas(["ls"], { GPUAAS_TOKEN: secret })).toThrow(/no longer valid/);
  secret = fresh;
});

test("an organization asks its owner for a second factor, then is ready", async () => {
  await ada.goto(`${home}/access/organizations`);
  // This site excuses operators; the organization does not excuse its owner.
  await ada.goto(`${home}/account/security`);
  await ada.getByRole("button", { name: "Add a passkey" }).click();
  await ada.getByRole("link", { name: "I have stored them" }).click();
  await ada.goto(`${home}/access/organizations`);
  await ada.getByLabel("Name").fill("Analytical Engines");
  await ada.getByRole("button", { name: "Create organization" }).click();
  await expect(ada.getByText("Analytical Engines is ready.")).toBeVisible();
  await ada.getByRole("button", { name: /^Leave|Leave organization/ }).or(ada.getByText("Leave organization", { exact: true })).first().click();
  await ada.getByRole("button", { name: "Leave Analytical Engines" }).click();
  await expect(ada.getByText("make somebody else one first")).toBeVisible();
});

test("an invitation brings somebody in, as what it says, once", async ({ browser }) => {
  await ada.goto(`${home}/access/organizations`);
  await ada.getByRole("link", { name: "Ada Lovelace", exact: true }).click();
  await ada.getByLabel("E-mail address").fill("grace@example.com");
  await ada.getByLabel("As", { exact: true }).selectOption("viewer");
  await ada.getByLabel("Into").selectOption({ label: "project Default" });
  await ada.getByRole("button", { name: "Invite" }).click();
  await expect(ada.getByText("It was mailed to grace@example.com")).toBeVisible();
  link = (await ada.locator(".code-block code").innerText()).replace("127.0.0.1", "localhost");
  const context = await browser.newContext();
  grace = await context.newPage();
  await grace.goto(link);
  await expect(grace.getByRole("heading", { name: "You are invited" })).toBeVisible();
  await grace.getByRole("link", { name: "Create an account" }).click();
  await grace.getByLabel("Name").fill("Grace Hopper");
  await grace.getByLabel("E-mail address").fill("grace@example.com");
  await grace.getByLabel("Password").fill(PASSWORD);
  await grace.getByRole("button", { name: "Create account" }).click();
  await grace.getByRole("button", { name: "Join as grace@example.com" }).click();
  await expect(grace.getByText("Welcome. You are viewer here.")).toBeVisible();
  await grace.goto(link);
  await expect(grace.getByRole("heading", { name: "This link has ended" })).toBeVisible();
});

test("what a role may not do is said, with who can", async () => {
  await grace.locator(".switcher summary").click();
  await grace.getByRole("button", { name: /Default/ }).filter({ hasText: "Ada Lovelace" }).click();
  await grace.goto(`${home}/access/service-accounts`);
  await expect(grace.getByText("Making and ending service accounts takes an admin of the project.")).toBeVisible();
  await expect(grace.getByRole("button", { name: "Create service account" })).toHaveCount(0);
  const refused = await grace.request.post(`${home}/access/service-accounts`, {
    form: { name: "mine", _csrf: await grace.locator("input[name=_csrf]").first().inputValue() },
    headers: { Origin: home },
  });
  expect(refused.status()).toBe(403);
  const words = await refused.text();
  expect(words).toContain("You are a viewer here; this takes an admin. Ask an owner or admin of the project.");
  expect(words).toContain("Correlation ID");
});

test("somebody who lost the role loses what it opened, at once", async () => {
  await ada.goto(`${home}/access/projects`);
  await ada.getByRole("link", { name: "Default", exact: true }).first().click();
  await ada.getByRole("button", { name: "Remove Grace Hopper" }).click();
  await expect(ada.getByText("The member is removed.")).toBeVisible();
  await grace.goto(`${home}/access/projects`);
  await expect(grace.locator("main")).not.toContainText("Ada Lovelace");
});

test("the organization's own record shows what was done and refused, and by whom", async () => {
  await ada.goto(`${home}/access/audit`);
  for (const action of ["service_account.create", "key.rotate", "invitation.accept", "member.remove"]) {
    await expect(ada.locator("table")).toContainText(action);
  }
  await ada.getByLabel("Outcome").selectOption("denied");
  await ada.getByRole("button", { name: "Filter" }).click();
  await expect(ada.locator("table")).toContainText("insufficient_permissions");
  await expect(ada.getByText("entries that holds")).toBeVisible();
  const stranger = await grace.goto(`${home}/platform/evidence/audit`);
  expect(stranger.status()).toBe(403);
});

test("a service account is disabled, enabled and deleted; its keys follow", async () => {
  await ada.goto(`${home}/access/service-accounts`);
  await ada.getByRole("link", { name: "pipeline" }).click();
  await ada.getByRole("button", { name: "Disable" }).click();
  await expect(ada.getByText("none of its keys works")).toBeVisible();
  expect(() => gpuaas(["ls"], { GPUAAS_TOKEN: secret })).toThrow(/no longer valid/);
  await ada.getByRole("button", { name: "Enable" }).click();
  expect(gpuaas(["ls"], { GPUAAS_TOKEN: secret })).toContain("nothing");
  await ada.getByText("Delete service account").click();
  await ada.getByRole("button", { name: "Delete pipeline" }).click();
  await expect(ada.getByText("pipeline is deleted.")).toBeVisible();
  expect(() => gpuaas(["ls"], { GPUAAS_TOKEN: secret })).toThrow(/no longer valid/);
});

test("these pages are accessible, keep their content policy and fit a narrow screen", async () => {
  const complaints = [];
  ada.on("console", (message) => { if (message.type() === "error") complaints.push(message.text()); });
  await ada.goto(`${home}/access/service-accounts`);
  await ada.getByLabel("Name").fill("shown");
  await ada.getByRole("button", { name: "Create service account" }).click();
  const account = new URL(ada.url()).pathname;
  await ada.goto(`${home}/access/organizations`);
  const org = await ada.getByRole("link", { name: "Analytical Engines" }).getAttribute("href");
  for (const colorScheme of ["light", "dark"]) {
    await ada.emulateMedia({ colorScheme });
    for (const path of ["/access/organizations", org, "/access/service-accounts", account, "/access/audit"]) {
      await ada.setViewportSize({ width: 1440, height: 900 });
      await ada.goto(home + path);
      const name = path.replaceAll("/", "_").slice(0, 30);
      if (process.env.GPUAAS_SHOTS) await ada.screenshot({ path: join(process.env.GPUAAS_SHOTS, `${name}-${colorScheme}.png`), fullPage: true });
      const { violations } = await new AxeBuilder({ page: ada }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]).analyze();
      const serious = violations.filter((one) => ["serious", "critical"].includes(one.impact));
      expect(serious.map((one) => `${path}: ${one.id} ${one.nodes[0].target}`)).toEqual([]);
      await ada.setViewportSize({ width: 375, height: 800 });
      if (process.env.GPUAAS_SHOTS) await ada.screenshot({ path: join(process.env.GPUAAS_SHOTS, `${name}-${colorScheme}-375.png`), fullPage: true });
      expect(await ada.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
    }
  }
  expect(complaints).toEqual([]);
});
