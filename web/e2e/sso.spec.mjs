// Signing in through an organization's sign-in service, a certified one, in a real browser.
import { expect, test } from "@playwright/test";
import AxeBuilder from "@axe-core/playwright";
import { CLIENT, SECRET, SignInService } from "./provider.mjs";
import { PASSWORD, Site } from "./site.mjs";

test.describe.configure({ mode: "serial" });
let site;
let home;
let service;
let ada;
let org;
let slug;
let callback;

test.beforeAll(async ({ browser }) => {
  service = await SignInService.start();
  site = await Site.start({ env: { GPUAAS_OUTGOING__INNER_NETWORKS: "127.0.0.1", GPUAAS_OUTGOING__TENANTS_REACH_INNER: "true", GPUAAS_IDENTITY__SSO_CHECK_SECONDS: "10" } });
  home = site.url;
  ada = await (await browser.newContext()).newPage();
  const cdp = await ada.context().newCDPSession(ada);
  await cdp.send("WebAuthn.enable");
  await cdp.send("WebAuthn.addVirtualAuthenticator", { options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
  await ada.goto(site.first.replace("127.0.0.1", "localhost"));
  await ada.getByLabel("Name").fill("Ada Lovelace");
  await ada.getByLabel("E-mail address").fill("ada@example.com");
  await ada.getByLabel("Password").fill(PASSWORD);
  await ada.getByRole("button", { name: "Create the first account" }).click();
  await ada.waitForURL(/localhost:\d+\/$/);
  await ada.goto(`${local()}/account/security`);
  await ada.getByRole("button", { name: "Add a passkey" }).click();
  await ada.getByRole("link", { name: "I have stored them" }).click();
});
test.afterAll(async () => { await site.end(); await service.end(); });

const local = () => home.replace("127.0.0.1", "localhost");

async function shot(page, name) {
  if (!process.env.GPUAAS_SHOTS) return;
  for (const [scheme, width] of [["light", 1440], ["dark", 375]]) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    await page.screenshot({ path: `${process.env.GPUAAS_SHOTS}/sso-${name}-${scheme}-${width}.png`, fullPage: true });
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1440, height: 900 });
}

async function accessible(page) {
  const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa"]).analyze();
  expect(found.violations.map((one) => `${one.id}: ${one.nodes[0].html}`)).toEqual([]);
}

/** From our page to the service's, signs in there, and comes back. */
async function atWork(page, name) {
  await page.goto(`${home}/auth/login`);
  await page.getByRole("link", { name: "Sign in with your organization" }).click();
  await page.getByLabel("Work address or organization").fill(slug);
  await page.getByRole("button", { name: "Go on" }).click();
  await there(page, name);
}

async function there(page, name) {
  // Who is signed in there already comes straight back.
  const back = (url) => url.href.startsWith(home) && !url.pathname.startsWith("/auth/");
  await page.waitForURL((url) => back(url) || url.href.startsWith(service.issuer));
  if (back(new URL(page.url()))) return;
  if (await page.locator("input[name=login]").count()) {
    await page.locator("input[name=login]").fill(name);
    await page.locator("input[name=password]").fill("any");
    await page.locator("button[type=submit]").click();
    await page.waitForURL((url) => back(url) || url.href.startsWith(service.issuer));
  }
  if (page.url().startsWith(service.issuer)) await page.locator("button[type=submit]").click();
  await page.waitForURL(back);
}

test("an owner sets the service up, and reads what to register there", async () => {
  await ada.goto(`${local()}/access/organizations`);
  await ada.getByLabel("Name").fill("Analytical Engines");
  await ada.getByRole("button", { name: "Create organization" }).click();
  await expect(ada.getByText("Analytical Engines is ready.")).toBeVisible();
  org = new URL(ada.url()).pathname.split("/").pop();
  await ada.getByRole("link", { name: "How it signs in" }).click();
  await expect(ada.getByRole("heading", { name: "No sign-in service yet" })).toBeVisible();
  await accessible(ada);
  await shot(ada, "empty");
  const fill = async (issuer) => {
    await ada.getByLabel("Label", { exact: true }).fill("Staff");
    await ada.getByLabel("Issuer").fill(issuer);
    await ada.getByLabel("Client ID").fill(CLIENT);
    await ada.getByLabel("Client secret").fill(SECRET);
    await ada.getByLabel("Scopes").fill("profile email groups");
    await ada.getByRole("button", { name: "Set up" }).click();
  };
  await fill("https://169.254.169.254/realm");
  await expect(ada.getByText("This cannot be called from here")).toBeVisible();
  await fill(service.issuer);
  await expect(ada.getByText("Staff is set up.")).toBeVisible();
  await expect(ada.getByText("never tried")).toBeVisible();
  await ada.getByRole("button", { name: "Look whether it answers" }).click();
  await expect(ada.getByText(/status 503/).first()).toBeVisible();
  await shot(ada, "fault");
  await ada.getByText("What to register there").click();
  const [redirect, backchannel, afterwards] = await ada.locator("details .code-block code").allInnerTexts();
  expect(redirect).toMatch(/\/auth\/sso\/callback\/idp_[0-9a-z]{26}$/);
  callback = redirect;
  service.open({ redirect, backchannel, afterwards });
  await ada.getByRole("button", { name: "Look whether it answers" }).click();
  await expect(ada.getByText("It answers, and names the issuer it should.")).toBeVisible();
  slug = await ada.locator("section", { hasText: "On the sign-in page" }).locator("code").first().innerText();
  await accessible(ada);
  await shot(ada, "set-up");
});

test("somebody from work has an account and no rights, until their group has some", async ({ browser }) => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${home}/auth/sso`);
  await accessible(page);
  await shot(page, "work");
  await page.getByLabel("Work address or organization").fill("nowhere");
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByText("This leads nowhere here.")).toBeVisible();
  await atWork(page, "grace");
  await expect(page.getByRole("heading", { name: "Good to see you, Grace Hopper" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "You have no access yet" })).toBeVisible();
  await accessible(page);
  await shot(page, "no-rights");
  await page.goto(`${home}/access/organizations`);
  await expect(page.getByText("Analytical Engines")).toHaveCount(0);
  await page.goto(`${home}/account/security`);
  await expect(page.getByText("That is no proof that there is none.").first()).toBeVisible();
  await expect(page.getByRole("heading", { name: "Password" })).toHaveCount(0);
  await accessible(page);
  await shot(page, "security");
  await ada.getByLabel("Group", { exact: true }).fill("staff");
  await ada.getByRole("button", { name: "Give the role" }).click();
  await expect(ada.getByText("The group has its role.")).toBeVisible();
  // What the service last said of groups counts at once: the role comes without another sign-in.
  await expect(async () => {
    await page.goto(`${home}/access/organizations`);
    await expect(page.getByRole("link", { name: "Analytical Engines" })).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 40_000 });
  await page.context().close();
});

test("signing out here leads to signing out there; signing out there ends it here", async ({ browser }) => {
  const page = await (await browser.newContext()).newPage();
  await atWork(page, "mary");
  await page.getByLabel("Account menu").or(page.locator("details.menu summary").last()).first().click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "You are signed out here" })).toBeVisible();
  await accessible(page);
  await shot(page, "out");
  await page.goto(`${home}/workloads`);
  await page.waitForURL(/\/auth\/login/);
  // Another session, ended from there: the service tells us, within seconds.
  await atWork(page, "mary");
  const other = await page.context().newPage();
  await other.goto(`${service.issuer}/session/end`);
  await other.getByRole("button", { name: /^Yes/ }).click();
  await expect(async () => {
    await page.goto(`${home}/workloads`);
    expect(new URL(page.url()).pathname).toBe("/auth/login");
  }).toPass({ timeout: 15_000 });
  await page.context().close();
});

test("a service that is down is an error of ours with a way on, and its owner sees why", async ({ browser }) => {
  const page = await (await browser.newContext()).newPage();
  service.down();
  await ada.getByRole("button", { name: "Look whether it answers" }).click();
  await expect(ada.getByText(/status 503/).first()).toBeVisible();
  await page.goto(`${home}/auth/sso`);
  await page.getByLabel("Work address or organization").fill(slug);
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByRole("heading", { name: "Your sign-in service does not answer" })).toBeVisible();
  await expect(page.getByText(/cor_[0-9a-z]+/)).toBeVisible();
  await accessible(page);
  await shot(page, "down");
  service.up();
  // What did not answer is left alone for three seconds.
  await page.waitForTimeout(3_500);
  await page.getByRole("link", { name: "Try again" }).click();
  await page.getByLabel("Work address or organization").fill(slug);
  await page.getByRole("button", { name: "Go on" }).click();
  await there(page, "grace");
  await expect(page.getByRole("heading", { name: "Good to see you, Grace Hopper" })).toBeVisible();
  await page.context().close();
});

test("a session ends when the service no longer vouches for it, and coming back is used once", async ({ browser }) => {
  const page = await (await browser.newContext()).newPage();
  await atWork(page, "grace");
  await page.goto(`${callback}?state=${"x".repeat(43)}&code=y`);
  await expect(page.getByRole("heading", { name: "That did not work" })).toBeVisible();
  await shot(page, "failed");
  await service.takeBack();
  await expect(async () => {
    await page.goto(`${home}/workloads`);
    expect(new URL(page.url()).pathname).toBe("/auth/login");
  }).toPass({ timeout: 40_000 });
  expect(service.fault).toBeUndefined();
  await page.context().close();
});

test("an account of one's own is connected with the platform's service, and signs in by it", async ({ browser }) => {
  const other = await SignInService.start();
  await ada.goto(`${local()}/platform/sign-in`);
  await ada.getByLabel("Label", { exact: true }).fill("Everybody");
  await ada.getByLabel("Issuer").fill(other.issuer);
  await ada.getByLabel("Client ID", { exact: true }).fill(CLIENT);
  await ada.getByLabel("Client secret").fill(SECRET);
  await ada.getByRole("button", { name: "Set up" }).click();
  await expect(ada.getByText("Everybody is set up.")).toBeVisible();
  await accessible(ada);
  await ada.getByText("What to register there").click();
  const [redirect, backchannel, afterwards] = await ada.locator("details .code-block code").allInnerTexts();
  other.open({ redirect, backchannel, afterwards });
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${home}/auth/signup`);
  await page.getByLabel("Name").fill("Mary Shelley");
  await page.getByLabel("E-mail address").fill("mary@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.waitForURL(`${home}/`);
  await page.goto(`${home}/account/security`);
  await page.getByRole("button", { name: "Connect Everybody" }).click();
  await page.waitForURL((url) => url.href.startsWith(other.issuer));
  await page.locator("input[name=login]").fill("mary");
  await page.locator("input[name=password]").fill("any");
  await page.locator("button[type=submit]").click();
  await page.locator("button[type=submit]").click();
  await page.waitForURL(`${home}/account/security`);
  await expect(page.getByText("Connected.")).toBeVisible();
  await shot(page, "connected");
  await page.context().clearCookies({ name: "__Host-session" });
  await page.goto(`${home}/auth/login`);
  await page.getByRole("button", { name: "Sign in with Everybody" }).click();
  await expect(page.getByRole("heading", { name: "Good to see you, Mary Shelley" })).toBeVisible();
  await other.end();
  await page.context().close();
});
