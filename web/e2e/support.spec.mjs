// People of the platform, their looking into organizations, webhooks, keys that sign, and what is mailed.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import AxeBuilder from "@axe-core/playwright";
import { PASSWORD, Site } from "./site.mjs";

test.describe.configure({ mode: "serial" });
let site;
let home;
let ada;
let sam;
let grace;
let org;
let ear;
const heard = [];

async function signUp(browser, name) {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${home}/auth/signup`);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("E-mail address").fill(`${name.split(" ")[0].toLowerCase()}@example.com`);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.waitForURL(`${home}/`);
  return page;
}

function mailed(address, what) {
  const folder = join(site.folder, "data/server/mail");
  if (!existsSync(folder)) return "";
  const mails = readdirSync(folder).filter((name) => name.endsWith(".eml")).map((name) => readFileSync(join(folder, name), "utf8"));
  return mails.filter((mail) => mail.includes(`To: ${address}`)).join("\n").replaceAll("=\r\n", "").replaceAll("=3D", "=").match(what)?.[0] ?? "";
}

test.beforeAll(async ({ browser }) => {
  site = await Site.start({ args: ["--simulate", "1x2xH100"], env: { GPUAAS_OUTGOING__INNER_NETWORKS: "127.0.0.1", GPUAAS_OUTGOING__TENANTS_REACH_INNER: "true" } });
  home = site.url.replace("127.0.0.1", "localhost");
  ada = await (await browser.newContext()).newPage();
  await ada.goto(site.first.replace("127.0.0.1", "localhost"));
  await ada.getByLabel("Name").fill("Ada Lovelace");
  await ada.getByLabel("E-mail address").fill("ada@example.com");
  await ada.getByLabel("Password").fill(PASSWORD);
  await ada.getByRole("button", { name: "Create the first account" }).click();
  await ada.waitForURL(`${home}/`);
  grace = await signUp(browser, "Grace Hopper");
  sam = await signUp(browser, "Sam Porter");
  await grace.goto(`${home}/access/organizations`);
  org = await grace.getByRole("link", { name: "Grace Hopper", exact: true }).getAttribute("href");
  ear = createServer((request, answer) => {
    let body = "";
    request.on("data", (part) => { body += part; });
    request.on("end", () => { heard.push({ head: request.headers, body: JSON.parse(body) }); answer.writeHead(204).end(); });
  });
  await new Promise((done) => { ear.listen(0, "127.0.0.1", done); });
});
test.afterAll(async () => { ear?.close(); await site.end(); });

function gpuaas(args, env = {}) {
  const base = { PATH: process.env.PATH, HOME: site.folder, XDG_CONFIG_HOME: join(site.folder, "config") };
  return execFileSync(process.env.GPUAAS_BIN, args, { env: { ...base, ...env }, encoding: "utf8", input: `${PASSWORD}\n` });
}

test("an operator gives somebody a role, and what it does not allow says so", async () => {
  await ada.goto(`${home}/platform/iam`);
  await ada.getByRole("link", { name: "People", exact: true }).click();
  await ada.getByLabel("Their e-mail address").fill("nobody@example.com");
  await ada.getByRole("button", { name: "Give" }).click();
  await expect(ada.getByText("Nobody here has this address")).toBeVisible();
  await ada.getByLabel("Their e-mail address").fill("sam@example.com");
  await ada.getByRole("button", { name: "Give" }).click();
  await expect(ada.getByText("This address was not shown to be theirs")).toBeVisible();
  await expect.poll(() => mailed("sam@example.com", /https?:\S+confirm\S+/)).toMatch(/confirm/);
  await sam.goto(mailed("sam@example.com", /https?:\S+confirm\S+/).replace("127.0.0.1", "localhost"));
  await sam.getByRole("button", { name: "It is mine" }).click();
  await ada.getByLabel("Their e-mail address").fill("sam@example.com");
  await ada.getByLabel("Role", { exact: true }).selectOption("support");
  await ada.getByRole("button", { name: "Give" }).click();
  await expect(ada.getByRole("row", { name: /Sam Porter/ })).toContainText("support");
  // The session of before is over; the next one begins under the rules of the role.
  await sam.goto(`${home}/platform/support`);
  await expect(sam).toHaveURL(/auth\/login/);
  await sam.getByLabel("E-mail address").fill("sam@example.com");
  await sam.getByLabel("Password").fill(PASSWORD);
  await sam.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(sam.getByRole("link", { name: "Support access" })).toBeVisible();
  await expect(sam.getByRole("link", { name: "Sign-in services" })).toHaveCount(0);
  await sam.goto(`${home}/platform/lifecycle/nodes`);
  await expect(sam.getByText("You read this page as support of the platform")).toBeVisible();
  for (const button of await sam.locator("main button").all()) await expect(button).toBeDisabled();
  expect((await sam.goto(`${home}/platform/iam/people`)).status()).toBe(403);
  await expect(sam.getByText("You are support of this platform; this takes an operator or security reviewer.")).toBeVisible();
});

test("support looks into an organization for a while; the organization sees it and ends it", async () => {
  expect((await sam.goto(home + org)).status()).toBe(404);
  await sam.goto(`${home}/platform/support`);
  await sam.getByLabel("Organization", { exact: true }).fill(org.split("/").pop());
  await sam.getByLabel("Why").fill("because");
  await sam.getByRole("button", { name: "Look" }).click();
  await expect(sam.getByText("Say why in 10 to 500 plain characters")).toBeVisible();
  await sam.getByLabel("Why").fill("Ticket 4711: <b>a launch</b> failed on Monday");
  await sam.getByRole("button", { name: "Look" }).click();
  await sam.waitForURL(home + org);
  await expect(sam.getByText("Looking into Grace Hopper")).toBeVisible();
  await expect(sam.getByRole("button", { name: "Invite" })).toHaveCount(0);
  await sam.goto(`${home}${org}/quotas`);
  await expect(sam.getByRole("heading", { name: "Set a quota" })).toHaveCount(0);
  await sam.goto(`${home}/access/audit`);
  // What is looked at stands there within a second.
  await expect(async () => {
    await grace.goto(`${home}/access/audit?action=quota.list`);
    await expect(grace.getByText("method: support access").first()).toBeVisible({ timeout: 500 });
  }).toPass();
  await grace.goto(`${home}/account/notices`);
  await expect(grace.getByRole("heading", { name: /Sam Porter of the platform looks into Grace Hopper/ })).toBeVisible();
  await grace.goto(`${home}${org}/support`);
  await expect(grace.getByText("Ticket 4711: <b>a launch</b> failed on Monday")).toBeVisible();
  await grace.getByRole("button", { name: "End the look of Sam Porter" }).click();
  await expect(grace.getByRole("row", { name: /Sam Porter/ })).toContainText("ended");
  expect((await sam.goto(home + org)).status()).toBe(404);
  await sam.goto(`${home}/platform/support`);
  await expect(sam.getByRole("row", { name: /Grace Hopper/ })).toContainText("ended");
  await expect(sam.getByText("Looking into Grace Hopper")).toHaveCount(0);
});

test("the same on the command line", async () => {
  gpuaas(["login", "--server", site.url, "--email", "sam@example.com"]);
  await ada.goto(`${home}/access/organizations`);
  const id = (await ada.getByRole("link", { name: "Ada Lovelace", exact: true }).getAttribute("href")).split("/").pop();
  const look = gpuaas(["support", "open", id, "--reason", "Ticket 4712: the balance is wrong", "--minutes", "15"]).trim();
  expect(look).toMatch(/^sup_/);
  expect(gpuaas(["support", "list"])).toContain("lasts");
  expect(gpuaas(["support", "seen", "--org", id])).toContain("Ticket 4712");
  gpuaas(["support", "close", look]);
  expect(() => gpuaas(["support", "seen", "--org", id])).toThrow(/not_found|nothing here/);
  expect(() => gpuaas(["staff", "list"])).toThrow(/operator/);
  gpuaas(["logout"]);
});

test("a webhook is made, tested, told what happens, and paused", async () => {
  await grace.goto(`${home}${org}`);
  await grace.getByRole("link", { name: "Webhooks" }).click();
  await expect(grace.getByText("No webhook yet")).toBeVisible();
  await grace.getByLabel("Address").fill("http://10.0.0.1/hooks");
  await grace.getByLabel("Of", { exact: true }).fill("*");
  await grace.getByRole("button", { name: "Create webhook" }).click();
  await expect(grace.getByText("must begin with https://")).toBeVisible();
  await grace.getByLabel("Address").fill(`http://127.0.0.1:${ear.address().port}/hooks`);
  await grace.getByLabel("Of", { exact: true }).fill("project.* service_account.*");
  await grace.getByRole("button", { name: "Create webhook" }).click();
  await expect(grace.locator(".code-block code")).toContainText("whsec_");
  await grace.getByRole("link", { name: "I have stored it" }).click();
  await expect(grace.getByText("Was not called yet")).toBeVisible();
  await grace.getByRole("button", { name: "Send a test" }).click();
  await expect.poll(() => heard.map((one) => one.body.type)).toEqual(["webhook.test"]);
  await grace.reload();
  await grace.getByText("Newest events").click();
  await expect(grace.getByRole("row", { name: /webhook.test/ })).toContainText("taken");
});

test("a service account shows itself by signing", async () => {
  await grace.goto(`${home}/access/service-accounts`);
  await grace.getByLabel("Name").fill("pipeline");
  await grace.getByRole("button", { name: "Create service account" }).click();
  const account = grace.url().split("/").pop();
  await grace.getByText("Register a public key instead").click();
  await grace.locator("#key_name").fill("by page");
  await grace.getByLabel("Public key, as a JWK").fill('{"kty":"oct","k":"AAAA"}');
  await grace.getByRole("button", { name: "Register" }).click();
  await expect(grace.getByText("This holds a secret part")).toBeVisible();
  gpuaas(["login", "--server", site.url, "--email", "grace@example.com"]);
  const file = join(site.folder, "pipeline.pem");
  const said = gpuaas(["key", "register", account, "laptop", "--key-file", file]);
  const env = Object.fromEntries(said.match(/export (.*)/)[1].split(" ").map((one) => one.split("=")));
  gpuaas(["logout"]);
  expect(() => gpuaas(["ls"])).toThrow();
  expect(gpuaas(["catalog"], env)).toContain("H100");
  expect(gpuaas(["ls"], env)).toBeDefined();
  await grace.goto(`${home}/access/service-accounts/${account}`);
  await expect(grace.getByRole("row", { name: /laptop/ })).toContainText("signs");
  // The webhook of before heard of it.
  await expect.poll(() => heard.map((one) => one.body.type)).toContain("service_account.create");
});

test("mail about work is switched off, and on again", async () => {
  await grace.goto(`${home}/account/notices`);
  await grace.getByRole("button", { name: "Do not mail: Work: what failed, or ended without you" }).click();
  await expect(grace.getByText("inbox only")).toHaveCount(1);
  await grace.getByRole("button", { name: "Mail: Work: what failed, or ended without you", exact: true }).click();
  await expect(grace.getByText("inbox only")).toHaveCount(0);
});

test("the pages hold at every width, in both themes, and accuse nothing", async () => {
  test.setTimeout(180_000);
  const complaints = [];
  const pages = [[grace, "hooks", `${org}/webhooks`], [grace, "org-support", `${org}/support`], [grace, "org-links", org], [grace, "own-audit", "/access/audit"], [grace, "notices-mail", "/account/notices"], [sam, "support", "/platform/support"], [sam, "frozen", "/platform/lifecycle/nodes"], [ada, "staff", "/platform/iam/people"], [ada, "rollout", "/platform/iam/rollout"]];
  for (const page of [ada, sam, grace]) page.on("console", (message) => { if (message.type() === "error") complaints.push(message.text()); });
  for (const colorScheme of ["light", "dark"]) {
    for (const [page, name, path] of pages) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.goto(home + path);
      for (const summary of await page.locator("main details:not(.danger) > summary").all()) await summary.click();
      if (process.env.GPUAAS_SHOTS) await page.screenshot({ path: join(process.env.GPUAAS_SHOTS, `sup-${name}-${colorScheme}.png`), fullPage: true });
      const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]).analyze();
      const serious = violations.filter((one) => ["serious", "critical"].includes(one.impact));
      expect(serious.map((one) => `${path}: ${one.id} ${one.nodes[0].target}`)).toEqual([]);
      await page.setViewportSize({ width: 375, height: 800 });
      if (process.env.GPUAAS_SHOTS) await page.screenshot({ path: join(process.env.GPUAAS_SHOTS, `sup-${name}-${colorScheme}-375.png`), fullPage: true });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
    }
  }
  expect(complaints).toEqual([]);
});
