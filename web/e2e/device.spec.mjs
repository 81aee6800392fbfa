// Signing the command line in from a browser (RFC 8628), with the real program on both ends.
import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import AxeBuilder from "@axe-core/playwright";
import { PASSWORD, Site } from "./site.mjs";

test.describe.configure({ mode: "serial" });
let site;
test.beforeAll(async () => { site = await Site.start(); });
test.afterAll(async () => { await site.end(); });

/** A command line that waits; `said` is what it printed, `done` how it ended. */
function gpuaas(...args) {
  const child = spawn(process.env.GPUAAS_BIN, args, { env: { PATH: process.env.PATH, HOME: site.folder } });
  const line = { said: "", child };
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => { line.said += chunk; });
  line.done = new Promise((resolve) => { child.on("exit", resolve); });
  return line;
}

async function asked(line) {
  await expect.poll(() => line.said, { timeout: 10_000 }).toMatch(/code {2}[A-Z]{4}-[A-Z]{4}/);
  return [line.said.match(/open {2}(\S+)/)[1], line.said.match(/code {2}(\S+)/)[1]];
}

test("the command line is signed in after somebody saw what asks, and said yes", async ({ page }) => {
  await site.signUpFirst(page);
  const line = gpuaas("login", "--server", site.url, "--no-browser");
  const [url, code] = await asked(line);
  await page.goto(url);
  await expect(page.getByLabel("Code")).toHaveValue(code);
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByText("command line on")).toBeVisible();
  await expect(page.getByText("and run this site")).toBeVisible();
  const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa"]).analyze();
  expect(violations.map((one) => one.id)).toEqual([]);
  if (process.env.GPUAAS_SHOTS) {
    await page.screenshot({ path: `${process.env.GPUAAS_SHOTS}/device-light-1440.png`, fullPage: true });
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize({ width: 375, height: 800 });
    await page.screenshot({ path: `${process.env.GPUAAS_SHOTS}/device-dark-375.png`, fullPage: true });
  }
  await page.getByRole("button", { name: "Sign it in" }).click();
  await expect(page.getByText("The device is signed in")).toBeVisible();
  expect(await line.done).toBe(0);
  expect(line.said).toContain("signed in as ada@example.com");
  expect(statSync(join(site.folder, ".config/gpuaas/credentials.json")).mode & 0o777).toBe(0o600);
  const tokens = gpuaas("auth", "tokens");
  expect(await tokens.done).toBe(0);
  expect(tokens.said).toMatch(/\* +cli +command line on/);
});

test("the groups of the command line do what the pages do", async () => {
  const run = async (...args) => {
    const line = gpuaas(...args);
    const code = await line.done;
    expect(code, `${args.join(" ")}: ${line.said}`).toBe(0);
    return line.said;
  };
  expect(await run("org", "list")).toContain("Ada Lovelace");
  // A yes in a browser is no proof here: what is sensitive asks for the password once.
  const invites = (await run("org", "list", "-o", "json")).match(/org_[0-9a-z]{26}/)[0];
  const refused = gpuaas("org", "invite", invites);
  expect(await refused.done).toBe(4);
  expect(refused.said).toContain("step_up_required");
  const confirm = gpuaas("auth", "confirm", "--password");
  confirm.child.stdin.end(`${PASSWORD}\n`);
  expect(await confirm.done, confirm.said).toBe(0);
  const org = (await run("org", "list", "-o", "json")).match(/org_[0-9a-z]{26}/)[0];
  const project = (await run("project", "create", "Vision")).trim();
  expect(await run("project", "list")).toContain("Vision");
  await run("project", "rename", project, "Sight");
  await run("project", "use", project);
  expect(await run("project", "list")).toMatch(/\* +Sight/);
  expect(await run("org", "invite", org, "--role", "viewer")).toContain("/auth/invite?token=");
  const invitation = (await run("org", "invitations", org, "-o", "json")).match(/inv_[0-9a-z]{26}/)[0];
  await run("org", "uninvite", org, invitation);
  expect(await run("org", "invitations", org)).toContain("nothing");
  expect(await run("member", "list", "--org", org)).toContain("ada@example.com");
  expect(await run("member", "list", "--project", project)).toContain("owner");
  expect(await run("idp", "list")).toContain("nothing");
  expect(await run("role", "list")).toMatch(/allocation\.create +- +yes +yes +yes/);
  expect(await run("role", "who-can", "project.delete", "--project", project)).toContain("ada@example.com");
  expect(await run("role", "why", "project.delete", "--project", project)).toContain("You may.");
  await run("project", "delete", project);
});

test("a refused device is told so", async ({ page }) => {
  await page.goto(`${site.url}/auth/login`);
  await page.getByLabel("E-mail address").fill("ada@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL(`${site.url}/`);
  const line = gpuaas("auth", "login", "--server", site.url, "--no-browser");
  const [, code] = await asked(line);
  await page.goto(`${site.url}/auth/device`);
  await page.getByLabel("Code").fill("BBBB-BBBB");
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByText("There is no such code")).toBeVisible();
  await page.getByLabel("Code").fill(code.toLowerCase());
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("button", { name: "Refuse" }).click();
  await expect(page.getByText("Refused. The device is told.")).toBeVisible();
  expect(await line.done).not.toBe(0);
  expect(line.said).toContain("The sign-in was refused");
});
