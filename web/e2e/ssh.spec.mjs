import { expect, test } from "@playwright/test";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PASSWORD, Site, axe } from "./site.mjs";

// Keys for SSH as somebody comes to them: with none at the launch, added on the spot, used with the stock client,
// taken away again.
let site;
let context;
let page;
const complaints = [];
test.describe.configure({ mode: "serial" });
test.beforeAll(async ({ browser }) => {
  expect(process.getuid(), "not run: sandboxes with limits need root").toBe(0);
  site = await Site.start({ args: ["--simulate", "1x4xH100"] });
  context = await browser.newContext();
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
test.afterAll(async () => { if (site) await site.end(); });

const file = (name) => join(site.folder, name);
const keygen = (name, kind = ["-t", "ed25519"]) => {
  execFileSync("ssh-keygen", ["-q", "-N", "", "-C", "ada@laptop", "-f", file(name), ...kind]);
  return readFileSync(`${file(name)}.pub`, "utf8");
};
/** Runs what the connect tab says, with a key; returns what came back. */
const ssh = (line, key, command) => {
  const [program, ...words] = line.split(" ");
  const options = ["-F", "/dev/null", "-i", file(key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
    "-o", `UserKnownHostsFile=${file("known_hosts")}`, "-o", "StrictHostKeyChecking=yes"];
  return spawnSync(program, [...options, ...words, command], { encoding: "utf8", timeout: 20_000 });
};
const shoot = async (name) => {
  await axe(page);
  if (!process.env.GPUAAS_SHOTS) return;
  for (const [scheme, width] of [["light", 1280], ["dark", 1280], ["light", 375], ["dark", 375]]) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide, `${name} fits ${width}`).toBeLessThanOrEqual(width);
    await page.screenshot({ path: `${process.env.GPUAAS_SHOTS}/ssh-${name}-${scheme}-${width}.png`, fullPage: true });
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize({ width: 1280, height: 900 });
};
let command;

test("no key: the launch offers to add one, and keeps what was entered", async () => {
  await page.goto(`${site.url}/access/credentials`);
  await expect(page.getByText("No key yet")).toBeVisible();
  await shoot("empty");
  await page.goto(`${site.url}/launch/compute`);
  await page.getByLabel("2", { exact: true }).check();
  await expect(page.getByLabel("Summary")).toContainText("€4.98");
  await page.getByLabel("Name", { exact: true }).fill("over ssh");
  await expect(page.getByText("You have no key yet")).toBeVisible();
  await shoot("launch");
});

test("a launch that needs a key stops before anything changes", async () => {
  await page.goto(`${site.url}/access/organizations`);
  await page.getByRole("link", { name: /Ada/ }).first().click();
  await page.getByRole("link", { name: "SSH", exact: true }).click();
  await page.getByLabel(/A launch needs a key/).check();
  await shoot("policy");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.")).toBeVisible();
  await page.goto(`${site.url}/launch/compute`);
  await expect(page.getByText("launches with an SSH key")).toBeVisible();
  await expect(page.getByRole("button", { name: "Launch" })).toBeDisabled();
  const before = site.cli(["balance", "--output", "json"]);
  expect(() => site.cli(["launch", "sim-h100-slice", "--yes"])).toThrow(/SSH key/);
  expect(site.cli(["balance", "--output", "json"])).toBe(before);
  expect(JSON.parse(site.cli(["ls", "--output", "json"])).items).toEqual([]);
});

test("what is no key is refused with its reason, a private one above all", async () => {
  await page.goto(`${site.url}/access/credentials`);
  const say = async (text) => {
    await page.getByLabel("Public key").fill(text);
    await page.getByRole("button", { name: "Add key" }).click();
  };
  await say("ssh-rsa AAAA");
  await expect(page.getByText("That is no public key.").first()).toBeVisible();
  await shoot("refused");
  const weak = keygen("weak", ["-t", "rsa", "-b", "2048"]);
  await say(weak);
  await expect(page.getByText("3,072 bits at least").first()).toBeVisible();
  const secret = readFileSync(file("weak"), "utf8");
  await say(secret);
  await expect(page.getByText("That is a private key.").first()).toBeVisible();
  await expect(page.getByLabel("Public key")).toHaveValue("");
  expect(await page.content()).not.toContain(secret.split("\n")[2]);
  expect(site.log).not.toContain(secret.split("\n")[2]);
});

test("a key added on the spot lets the launch go on", async () => {
  await page.goto(`${site.url}/launch/compute?sku=sim-h100-slice&count=2&name=over+ssh`);
  await page.getByText("Add a key", { exact: true }).click();
  await page.getByLabel("Public key").fill(keygen("id"));
  await page.getByRole("button", { name: "Add key and come back" }).click();
  await expect(page.getByText("ada@laptop is added.")).toBeVisible();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("over ssh");
  await expect(page.getByLabel("2", { exact: true })).toBeChecked();
  await expect(page.getByLabel("ada@laptop")).toBeChecked();
  await shoot("chosen");
  await page.getByRole("button", { name: "Launch" }).click();
  await expect(page.locator(".badge", { hasText: "active" }).first()).toBeVisible({ timeout: 30_000 });
});

test("the line of the connect tab opens it with the stock client", async () => {
  await page.getByRole("link", { name: "Connect" }).click();
  await expect(page.getByText("a key of yours opens it")).toBeVisible();
  await page.getByText("Files, ports, editors").click();
  await shoot("connect");
  command = await page.locator("pre", { hasText: /^ssh -p/ }).first().innerText();
  const known = await page.locator("pre", { hasText: "ssh-ed25519" }).innerText();
  execFileSync("tee", ["-a", file("known_hosts")], { input: `${known.trim()}\n` });
  const done = ssh(command.trim(), "id", "echo nonce-$((41+1)); nvidia-smi -L; exit 5");
  expect(done.stdout).toContain("nonce-42");
  expect(done.stdout).toContain("(simulated)");
  expect(done.status, done.stderr).toBe(5);
  const own = site.cli(["ssh", "over ssh", "-i", file("id"), "-o", "BatchMode=yes", "echo by-gpuaas"]);
  expect(own).toContain("by-gpuaas");
  await page.goto(`${site.url}/access/credentials`);
  await expect(page.getByRole("cell", { name: "never" })).toHaveCount(0);
  await shoot("used");
});

test("a deleted key opens nothing any more, and what it had open ends", async () => {
  const [program, ...words] = command.trim().split(" ");
  const live = spawn(program, ["-F", "/dev/null", "-i", file("id"), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
    "-o", `UserKnownHostsFile=${file("known_hosts")}`, ...words, "echo open; sleep 60"]);
  const ended = new Promise((resolve) => live.on("exit", resolve));
  await new Promise((resolve) => live.stdout.once("data", resolve));
  await page.goto(`${site.url}/access/credentials`);
  await page.getByText("Delete", { exact: true }).click();
  await page.getByRole("button", { name: "Delete ada@laptop" }).click();
  await expect(page.getByText("The key is deleted.")).toBeVisible();
  const late = new Promise((resolve) => setTimeout(() => resolve("still open"), 5000));
  expect(await Promise.race([ended, late])).not.toBe("still open");
  const refused = ssh(command.trim(), "id", "true");
  expect(refused.stderr).toContain("Permission denied");
  await page.goto(`${site.url}/workloads`);
  await page.getByRole("link", { name: "over ssh" }).click();
  await page.getByRole("link", { name: "Connect" }).click();
  await expect(page.getByText("You have no key yet.")).toBeVisible();
});

test("nothing runs: no shell is offered, and the way to workloads is", async () => {
  await page.getByText("Release", { exact: true }).click();
  await page.getByRole("button", { name: "Release over ssh" }).click();
  await expect(page.locator(".badge", { hasText: "released" }).first()).toBeVisible({ timeout: 30_000 });
  await page.getByRole("link", { name: "Connect" }).click();
  await expect(page.getByText("No shell right now")).toBeVisible();
  await expect(page.getByRole("link", { name: "Open terminal" })).toHaveCount(0);
  await expect(page.locator("main").getByRole("link", { name: "Workloads" })).toBeVisible();
  expect(complaints).toEqual([]);
});
