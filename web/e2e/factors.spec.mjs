// Second factors in a real browser, with a virtual authenticator (WebAuthn Level 3, §11).
import { createHmac } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import AxeBuilder from "@axe-core/playwright";
import { PASSWORD, Site } from "./site.mjs";

test.describe.configure({ mode: "serial" });
let site;
let home;
let context;
let page;
let authenticator;
let codes;
let seed;

test.beforeAll(async ({ browser }) => {
  site = await Site.start({ env: { GPUAAS_SITE__ENVIRONMENT: "production", GPUAAS_IDENTITY__OPERATORS_WITHOUT_FACTOR: "false" } });
  home = site.url.replace("127.0.0.1", "localhost");
  context = await browser.newContext();
  page = await context.newPage();
  authenticator = await keyring(context, page);
});
test.afterAll(async () => { await context.close(); await site.end(); });

async function keyring(context, page) {
  const cdp = await context.newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", { options });
  return { cdp, authenticatorId };
}

// RFC 6238, as a phone does it.
function totp(base32, at = Date.now()) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...base32].map((letter) => letters.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const digest = createHmac("sha1", key).update(counter).digest();
  const number = digest.readUInt32BE(digest[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

async function signIn(page, email = "ada@example.com") {
  await page.context().clearCookies();
  await page.goto(`${home}/auth/login`);
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

test("whoever runs the site sets up a passkey before anything else there", async () => {
  await page.goto(site.first.replace("127.0.0.1", "localhost"));
  await page.getByLabel("Name").fill("Ada Lovelace");
  await page.getByLabel("E-mail address").fill("ada@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Create the first account" }).click();
  await expect(page.getByRole("heading", { name: /Good to see you/ })).toBeVisible();
  await page.goto(`${home}/platform/lifecycle/nodes`);
  await expect(page).toHaveURL(/account\/security\?return=%2Fplatform%2Flifecycle%2Fnodes/);
  await expect(page.getByText("Set up a second factor to go on.")).toBeVisible();
  await expect(page.getByText("password only")).toBeVisible();
  await page.getByLabel("Name of the passkey").fill("Laptop");
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await expect(page.getByRole("heading", { name: "Recovery codes" })).toBeVisible();
  codes = (await page.locator(".code-block code").innerText()).split("\n");
  expect(codes).toHaveLength(10);
  await page.getByRole("link", { name: "I have stored them" }).click();
  await expect(page).toHaveURL(`${home}/platform/lifecycle/nodes`);
});

test("without a factor the page says so, what to do, and what happens when access is lost", async ({ browser }) => {
  const other = await browser.newContext();
  const fresh = await other.newPage();
  await fresh.goto(`${home}/auth/signup`);
  await fresh.getByLabel("Name").fill("Grace Hopper");
  await fresh.getByLabel("E-mail address").fill("grace@example.com");
  await fresh.getByLabel("Password").fill(PASSWORD);
  await fresh.getByRole("button", { name: "Create account" }).click();
  await fresh.goto(`${home}/account/security`);
  for (const question of ["Am I protected?", "What can I do next?", "What if I lose access?"]) {
    await expect(fresh.getByRole("heading", { name: question })).toBeVisible();
  }
  await expect(fresh.getByText("Whoever learns your password is in.")).toBeVisible();
  await expect(fresh.locator("main")).not.toContainText(/keycloak|webauthn-rs|provider/i);
  await other.close();
});

test("an authenticator app is added as a backup, wrong codes say why", async () => {
  await page.goto(`${home}/account/security`);
  await page.getByLabel("Name of the app or phone").fill("Phone");
  await page.getByRole("button", { name: "Set up an app" }).click();
  await expect(page.getByRole("img", { name: /QR code/ })).toBeVisible();
  seed = (await page.locator(".code-block code").innerText()).replaceAll(" ", "");
  await page.getByLabel("Code", { exact: true }).fill("000000");
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByText("This is not the code of this moment")).toBeVisible();
  await page.getByLabel("Code", { exact: true }).fill(totp(seed));
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByText("Phone protects your account now.")).toBeVisible();
  await expect(page.getByText("one of 2 factors")).toBeVisible();
});

test("signing in takes password and passkey, and a passkey alone is enough", async ({ browser }) => {
  await page.getByLabel(/Account of/).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await signIn(page);
  await expect(page.getByRole("heading", { name: "Confirm that it is you" })).toBeVisible();
  await page.goto(`${home}/platform/iam`);
  await expect(page).toHaveURL(/auth\/factor\?return=%2Fplatform%2Fiam/);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(page.getByRole("heading", { name: "Identity and access" })).toBeVisible();
  await page.getByLabel(/Account of/).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(page.getByRole("heading", { name: /Good to see you/ })).toBeVisible();
  // A browser without the passkey: the wrong code, then a recovery code, once.
  const other = await browser.newContext();
  const stranger = await other.newPage();
  await signIn(stranger);
  await stranger.getByLabel("Code", { exact: true }).fill("123456");
  await stranger.getByRole("button", { name: "Confirm" }).click();
  await expect(stranger.getByRole("alert")).toContainText("This code is wrong, was used, or has expired.");
  await stranger.getByLabel("Code", { exact: true }).fill(codes[0]);
  await stranger.getByRole("button", { name: "Confirm" }).click();
  await expect(stranger.getByRole("heading", { name: /Good to see you/ })).toBeVisible();
  await signIn(stranger);
  await stranger.getByLabel("Code", { exact: true }).fill(codes[0]);
  await stranger.getByRole("button", { name: "Confirm" }).click();
  await expect(stranger.getByRole("alert")).toContainText("This code is wrong");
  await other.close();
});

test("a passkey of another person, or none, signs nobody in", async ({ browser }) => {
  const other = await browser.newContext();
  const empty = await other.newPage();
  await keyring(other, empty);
  await empty.goto(`${home}/auth/login`);
  await empty.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(empty.getByText("Nothing was confirmed")).toBeVisible();
  await empty.goto(`${site.url}/auth/login`);
  await empty.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(empty.getByText(`belong to ${home}`)).toBeVisible();
  await other.close();
});

test("sensitive acts ask again, and a factor goes by proof of another", async () => {
  await page.goto(`${home}/account/security`);
  // Signed in by the passkey a moment ago: it cannot remove itself.
  const laptop = page.getByRole("row").filter({ hasText: "Remove Laptop" });
  await laptop.getByText("Remove", { exact: true }).click();
  await laptop.getByRole("button", { name: "Remove Laptop" }).click();
  await expect(page.getByRole("heading", { name: "Confirm that it is you" })).toBeVisible();
  await expect(page.getByText("What you are about to do is sensitive")).toBeVisible();
  await page.waitForTimeout(30_000 - (Date.now() % 30_000) + 500);
  await page.getByLabel("Code", { exact: true }).fill(totp(seed));
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(page).toHaveURL(`${home}/account/security`);
  const again = page.getByRole("row").filter({ hasText: "Remove Laptop" });
  await again.getByText("Remove", { exact: true }).click();
  await again.getByRole("button", { name: "Remove Laptop" }).click();
  await expect(page.getByText("The factor is removed.")).toBeVisible();
  // The last one stays: policy asks for one.
  const phone = page.getByRole("row").filter({ hasText: "Remove Phone" });
  await phone.getByText("Remove", { exact: true }).click();
  await phone.getByRole("button", { name: "Remove Phone" }).click();
  await expect(page.getByText("Add another before you remove this one")).toBeVisible();
});

test("a lost factor: asked for, approved by somebody else, told by mail at every step", async ({ browser }) => {
  const other = await browser.newContext();
  const grace = await other.newPage();
  await signIn(grace, "grace@example.com");
  const key = await keyring(other, grace);
  await grace.goto(`${home}/account/security`);
  await grace.getByRole("button", { name: "Add a passkey" }).click();
  await grace.getByRole("link", { name: "I have stored them" }).click();
  await key.cdp.send("WebAuthn.clearCredentials", { authenticatorId: key.authenticatorId });
  await signIn(grace, "grace@example.com");
  await grace.getByText("I lost my factors and my codes").click();
  await grace.getByLabel("What happened").fill("The laptop fell into the sea");
  await grace.getByRole("button", { name: "Ask for a recovery" }).click();
  await expect(grace.getByText("0 of 1 approvals")).toBeVisible();
  await page.goto(`${home}/platform/iam`);
  await expect(page.getByText("The laptop fell into the sea")).toBeVisible();
  await page.getByRole("button", { name: "Approve" }).click();
  await expect(page.getByText("Approved. The person is told.")).toBeVisible();
  await grace.reload();
  await expect(grace.getByText("1 of 1 approvals")).toBeVisible();
  await expect(grace.getByText(/It can be finished here from/)).toBeVisible();
  await grace.getByRole("button", { name: "Sign in as somebody else" }).click();
  await expect(grace.getByText("You are signed out.")).toBeVisible();
  await expect.poll(() => mails("grace@example.com")).toContain("The recovery of your account was approved");
  expect(mails("grace@example.com")).toContain("Somebody asked to get into your account");
  await other.close();
});

function mails(address) {
  const folder = join(site.folder, "data/server/mail");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".eml"))
    .map((name) => readFileSync(join(folder, name), "utf8").replaceAll("=\r\n", "").replaceAll("\r\n ", " "))
    .filter((mail) => mail.includes(`To: ${address}`))
    .join("\n");
}

test("the glass is broken with a sealed code, once, and everybody hears of it", async ({ browser }) => {
  await page.goto(`${home}/platform/iam`);
  await page.getByText("Make new codes").click();
  await page.getByRole("button", { name: "Make five codes" }).click();
  const sealed = (await page.locator(".code-block code").innerText()).split("\n");
  const other = await browser.newContext();
  const glass = await other.newPage();
  for (const [code, words] of [["00000-00000-00000-00000", "This code is wrong"], [sealed[0], "Identity and access"]]) {
    await glass.goto(`${home}/auth/break-glass`);
    await glass.getByLabel("Sealed code").fill(code);
    await glass.getByLabel("Why").fill("Everybody is locked out");
    await glass.getByRole("button", { name: "Sign in for an hour" }).click();
    await expect(glass.locator("main")).toContainText(words);
  }
  await expect.poll(() => mails("ada@example.com")).toContain("Somebody broke the glass");
  await page.goto(`${home}/platform/iam`);
  await expect(page.getByText("A break-glass code was last used on")).toBeVisible();
  await page.getByTitle(/notices you have not read/).click();
  await expect(page.getByRole("heading", { name: /Somebody broke the glass/ })).toBeVisible();
  await page.getByRole("button", { name: "Mark all as read" }).click();
  await expect(page.getByText("All read.")).toBeVisible();
  await other.close();
});

test("signing out ends the session and touches no factor", async () => {
  await page.goto(`${home}/account/security`);
  await page.getByLabel(/Account of/).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByText("You are signed out.")).toBeVisible();
  await page.goto(`${home}/account/security`);
  await expect(page).toHaveURL(/auth\/login/);
  await signIn(page);
  await expect(page.getByRole("heading", { name: "Confirm that it is you" })).toBeVisible();
});

test("these pages are accessible, keep their content policy and fit a narrow screen", async () => {
  await page.getByLabel("Code", { exact: true }).fill(codes[1]);
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByRole("heading", { name: /Good to see you/ })).toBeVisible();
  const complaints = [];
  page.on("console", (message) => { if (message.type() === "error") complaints.push(message.text()); });
  page.on("pageerror", (error) => complaints.push(String(error)));
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const path of ["/account/security", "/account/notices", "/platform/iam", "/auth/factor", "/auth/break-glass"]) {
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.goto(home + path);
      if (process.env.GPUAAS_SHOTS) await page.screenshot({ path: join(process.env.GPUAAS_SHOTS, `${path.replaceAll("/", "_")}-${colorScheme}.png`), fullPage: true });
      const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]).analyze();
      const serious = violations.filter((one) => ["serious", "critical"].includes(one.impact));
      expect(serious.map((one) => `${path}: ${one.id} ${one.nodes[0].target}`)).toEqual([]);
      await page.setViewportSize({ width: 375, height: 800 });
      if (process.env.GPUAAS_SHOTS) await page.screenshot({ path: join(process.env.GPUAAS_SHOTS, `${path.replaceAll("/", "_")}-${colorScheme}-375.png`), fullPage: true });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
    }
  }
  expect(complaints).toEqual([]);
});
