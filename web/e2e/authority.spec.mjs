// Departments, groups, roles of one's own and given roles, what is archived: on the pages and the command line.
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
let org;

test.beforeAll(async ({ browser }) => {
  site = await Site.start();
  home = site.url.replace("127.0.0.1", "localhost");
  const context = await browser.newContext();
  ada = await context.newPage();
  await ada.goto(site.first.replace("127.0.0.1", "localhost"));
  await ada.getByLabel("Name").fill("Ada Lovelace");
  await ada.getByLabel("E-mail address").fill("ada@example.com");
  await ada.getByLabel("Password").fill(PASSWORD);
  await ada.getByRole("button", { name: "Create the first account" }).click();
  await ada.waitForURL(`${home}/`);
  await ada.goto(`${home}/access/organizations`);
  org = await ada.getByRole("link", { name: "Ada Lovelace", exact: true }).getAttribute("href");
});
test.afterAll(async () => { await site.end(); });

function gpuaas(...args) {
  const env = { PATH: process.env.PATH, HOME: site.folder, XDG_CONFIG_HOME: join(site.folder, "config") };
  return execFileSync(process.env.GPUAAS_BIN, args, { env, encoding: "utf8", input: `${PASSWORD}\n` });
}

test("somebody joins the organization as a viewer and sees no project of it", async ({ browser }) => {
  await ada.goto(home + org);
  await ada.getByLabel("E-mail address").fill("grace@example.com");
  await ada.getByLabel("As", { exact: true }).selectOption("viewer");
  await ada.getByRole("button", { name: "Invite" }).click();
  const link = (await ada.locator(".code-block code").innerText()).replace("127.0.0.1", "localhost");
  grace = await (await browser.newContext()).newPage();
  await grace.goto(link);
  await grace.getByRole("link", { name: "Create an account" }).click();
  await grace.getByLabel("Name").fill("Grace Hopper");
  await grace.getByLabel("E-mail address").fill("grace@example.com");
  await grace.getByLabel("Password").fill(PASSWORD);
  await grace.getByRole("button", { name: "Create account" }).click();
  await grace.getByRole("button", { name: "Join as grace@example.com" }).click();
  await grace.goto(`${home}/access/projects`);
  await expect(grace.getByRole("row")).toHaveCount(2);
  await grace.goto(home + org);
  await expect(grace.getByRole("link", { name: "Departments" })).toHaveCount(0);
  await expect(grace.getByRole("link", { name: "Groups and roles" })).toBeVisible();
});

test("a second department shows, and takes a project", async () => {
  await ada.goto(`${home}/access/projects`);
  await expect(ada.locator("select[name=department_id]")).toHaveCount(0);
  await ada.goto(home + org);
  await ada.getByRole("link", { name: "Departments" }).click();
  await expect(ada.getByRole("heading", { name: "Everything is in one department" })).toBeVisible();
  await ada.getByLabel("Name").fill("Research");
  await ada.getByRole("button", { name: "Create department" }).click();
  await expect(ada.getByText("Research is ready.")).toBeVisible();
  await ada.getByLabel("Name", { exact: true }).fill("research");
  await ada.getByRole("button", { name: "Create department" }).click();
  await expect(ada.getByText("already has this name")).toBeVisible();
  await ada.goto(`${home}/access/projects`);
  await ada.getByLabel("In", { exact: true }).selectOption({ label: "Ada Lovelace, Research" });
  await ada.getByLabel("Name").fill("Vision");
  await ada.getByRole("button", { name: "Create project" }).click();
  await expect(ada.getByText("Vision is ready.")).toBeVisible();
  await expect(ada.locator("main")).toContainText("Research");
});

test("a group is given a role in the department, and its people reach the department's projects", async () => {
  await ada.goto(home + org);
  await ada.getByRole("link", { name: "Groups and roles" }).click();
  await ada.getByLabel("New group").fill("Researchers");
  await ada.getByRole("button", { name: "Create group" }).click();
  await ada.getByLabel("Address of a member for Researchers").fill("nobody@example.com");
  await ada.getByRole("button", { name: "Put in" }).click();
  await expect(ada.getByText("Invite them first.")).toBeVisible();
  await ada.getByLabel("Address of a member for Researchers").fill("grace@example.com");
  await ada.getByRole("button", { name: "Put in" }).click();
  await expect(ada.getByText("They are in the group.")).toBeVisible();
  await ada.getByLabel("Member's address, or group").fill("Researchers");
  await ada.getByLabel("Role", { exact: true }).selectOption("member");
  await ada.getByLabel("Where").selectOption({ label: "department Research" });
  await ada.getByRole("button", { name: "Give role" }).click();
  await expect(ada.getByRole("row", { name: /Researchers.*member.*department Research/ })).toBeVisible();
  await grace.goto(`${home}/access/projects`);
  await expect(grace.getByRole("row", { name: /Vision/ })).toContainText("given role");
  await grace.getByRole("link", { name: "Vision" }).click();
  await expect(grace.getByRole("heading", { name: "Vision" })).toBeVisible();
  await expect(grace.getByText("Rename")).toHaveCount(0);
});

test("a role of one's own is put together from single actions and given to somebody", async () => {
  await ada.goto(`${home}${org}/roles`);
  await ada.getByText("New role", { exact: true }).click();
  await ada.getByLabel("Name", { exact: true }).fill("Key keeper");
  await expect(ada.getByRole("checkbox", { name: "organization.set_role" })).toHaveCount(0);
  await ada.getByRole("checkbox", { name: "service_account.create" }).check();
  await ada.getByRole("checkbox", { name: "service_account.list" }).check();
  await ada.getByRole("button", { name: "Create role" }).click();
  await expect(ada.getByText("The role is ready.")).toBeVisible();
  await ada.getByLabel("Member's address, or group").fill("grace@example.com");
  await ada.getByLabel("Role", { exact: true }).selectOption({ label: "Key keeper" });
  await ada.getByLabel("Where").selectOption({ label: "project Vision" });
  await ada.getByRole("button", { name: "Give role" }).click();
  await expect(ada.getByText("The role is given.")).toBeVisible();
  await ada.getByRole("button", { name: "Remove the role Key keeper" }).click();
  await expect(ada.getByText("Somebody still has this role.")).toBeVisible();
  await grace.locator(".switcher summary").click();
  await grace.getByRole("button", { name: /Vision/ }).click();
  await grace.goto(`${home}/access/service-accounts`);
  await grace.getByLabel("Name").fill("robot");
  await grace.getByRole("button", { name: "Create service account" }).click();
  await expect(grace.getByRole("heading", { name: "robot" })).toBeVisible();
  await ada.goto(`${home}${org}/who-can?action=service_account.create`);
  await ada.getByLabel("In", { exact: true }).selectOption({ label: "project Vision" });
  await ada.getByRole("button", { name: "Ask" }).click();
  await expect(ada.getByRole("row", { name: /Grace Hopper.*Key keeper.*project/ })).toBeVisible();
});

test("taken away, it is gone at once", async () => {
  await ada.goto(`${home}${org}/roles`);
  await ada.getByRole("button", { name: "Take Key keeper from grace@example.com" }).click();
  await expect(ada.getByText("The role is taken away.")).toBeVisible();
  await grace.goto(`${home}/access/service-accounts`);
  await expect(grace.getByRole("button", { name: "Create service account" })).toHaveCount(0);
  await ada.getByRole("button", { name: "Take Grace Hopper out of Researchers" }).click();
  await grace.goto(`${home}/access/projects`);
  await expect(grace.locator("main")).not.toContainText("Vision");
  await grace.goto(`${home}/account/notices`);
  await expect(grace.locator("main")).toContainText("You are in the group Researchers now");
});

test("the same from the command line", async () => {
  gpuaas("login", "--server", site.url, "--email", "ada@example.com");
  const dept = gpuaas("dept", "create", "Sales").trim();
  expect(dept).toMatch(/^dept_/);
  expect(gpuaas("dept", "list")).toMatch(/Research +1/);
  const project = gpuaas("project", "create", "Forecast", "--dept", dept).trim();
  expect(gpuaas("dept", "list")).toMatch(/Sales +1/);
  const research = JSON.parse(gpuaas("dept", "list", "-o", "json")).items.find((one) => one.name === "Research").id;
  expect(gpuaas("project", "move", project, research)).toContain("moved");
  expect(gpuaas("dept", "archive", dept)).toContain("archived");
  expect(() => gpuaas("project", "move", project, dept)).toThrow(/archived/);
  expect(gpuaas("dept", "unarchive", dept)).toContain("in use again");
  expect(gpuaas("dept", "rename", dept, "Selling")).toContain("renamed");
  const given = gpuaas("role", "give", "billing", "--to", "grace@example.com").trim();
  expect(gpuaas("role", "given")).toMatch(/grace@example.com +billing +everywhere/);
  expect(gpuaas("role", "take", given)).toContain("taken away");
  const role = gpuaas("role", "own", "create", "Watcher", "allocation.list").trim();
  expect(() => gpuaas("role", "own", "create", "Sly", "role.bind")).toThrow(/owners alone/);
  expect(gpuaas("role", "own", "change", role, "Watcher", "allocation.list", "allocation.read")).toContain("changed");
  expect(gpuaas("role", "own", "list")).toContain("allocation.list allocation.read");
  expect(gpuaas("role", "own", "remove", role)).toContain("removed");
  const group = gpuaas("group", "create", "Sellers").trim();
  const membership = gpuaas("group", "add", group, "grace@example.com").trim();
  expect(gpuaas("group", "list")).toMatch(/Sellers.*grace@example.com/);
  expect(gpuaas("group", "take-out", group, membership)).toContain("taken out");
  expect(gpuaas("group", "remove", group)).toContain("removed");
  expect(gpuaas("project", "archive", project)).toContain("archived");
  expect(() => gpuaas("project", "rename", project, "Late")).toThrow(/archived/);
  expect(gpuaas("project", "unarchive", project)).toContain("in use again");
});

test("a quota is set on a person, on a project and by the platform", async () => {
  await ada.goto(home + org);
  await ada.getByRole("link", { name: "Quotas" }).first().click();
  await ada.goto(`${home}${org}/quotas`);
  await expect(ada.getByRole("heading", { name: "No quota is set" })).toBeVisible();
  await ada.getByLabel("Of", { exact: true }).selectOption("gpus");
  await ada.getByLabel("On", { exact: true }).selectOption({ label: "project Vision" });
  await ada.getByLabel("Most at once").fill("-1");
  await ada.getByRole("button", { name: "Set" }).click();
  await expect(ada.getByText("Enter a whole number from 0 to 1000000000.")).toBeVisible();
  await ada.getByLabel("Most at once").fill("4");
  await ada.getByRole("button", { name: "Set" }).click();
  await expect(ada.getByRole("row", { name: /project Vision.*gpus.*0 of 4/ })).toBeVisible();
  expect(gpuaas("quota", "set", "keys", "2", "--member", "grace@example.com")).toMatch(/^quota_/);
  expect(gpuaas("quota", "list")).toMatch(/Grace Hopper +keys +0 of 2/);
  const id = org.split("/").pop();
  const imposed = gpuaas("quota", "impose", id, "allocations", "9").trim();
  expect(gpuaas("quota", "imposed")).toContain("0 of 9");
  expect(() => gpuaas("quota", "remove", imposed)).toThrow(/runs the platform/);
  await ada.goto(`${home}/platform/quotas`);
  await expect(ada.getByRole("row", { name: /Ada Lovelace.*allocations.*0 of 9/ })).toBeVisible();
  await ada.goto(`${home}${org}/quotas`);
  await ada.getByRole("button", { name: "Remove the quota of gpus on project Vision" }).click();
  await expect(ada.getByText("Removed.")).toBeVisible();
  await expect(ada.getByRole("row", { name: /allocations.*0 of 9.*the platform/ }).getByRole("button")).toHaveCount(0);
  expect(gpuaas("quota", "lift", imposed)).toContain("removed");
});

test("an archived project and an archived organization are read, and nothing in them changes", async () => {
  await ada.goto(`${home}/access/projects`);
  await ada.getByRole("link", { name: "Forecast" }).click();
  await ada.getByRole("button", { name: "Archive Forecast" }).click();
  await expect(ada.getByText("The project is archived.", { exact: true })).toBeVisible();
  await expect(ada.getByRole("button", { name: "Rename" })).toHaveCount(0);
  await expect(ada.getByRole("button", { name: "Unarchive Forecast" })).toBeVisible();
  await ada.goto(home + org);
  await ada.getByText("Archive organization", { exact: true }).click();
  await ada.getByRole("button", { name: "Archive Ada Lovelace" }).click();
  await expect(ada.getByText("This organization is archived")).toBeVisible();
  await ada.goto(`${home}/access/projects`);
  await expect(ada.getByRole("button", { name: "Create project" })).toHaveCount(0);
  await ada.goto(home + org);
  await ada.getByRole("button", { name: "Unarchive Ada Lovelace" }).click();
  await expect(ada.getByText("is in use again.")).toBeVisible();
});

test("these pages are accessible, keep their content policy and fit a narrow screen", async () => {
  const complaints = [];
  ada.on("console", (message) => { if (message.type() === "error") complaints.push(message.text()); });
  await ada.goto(`${home}/access/projects`);
  const project = await ada.getByRole("link", { name: "Vision" }).getAttribute("href");
  for (const colorScheme of ["light", "dark"]) {
    await ada.emulateMedia({ colorScheme });
    for (const [name, path] of [["org", org], ["departments", `${org}/departments`], ["roles", `${org}/roles`], ["who", `${org}/who-can`], ["quotas", `${org}/quotas`], ["platform-quotas", "/platform/quotas"], ["project", project], ["projects", "/access/projects"]]) {
      await ada.setViewportSize({ width: 1440, height: 900 });
      await ada.goto(home + path);
      for (const summary of await ada.locator("main details:not(.danger) > summary").all()) await summary.click();
      if (process.env.GPUAAS_SHOTS) await ada.screenshot({ path: join(process.env.GPUAAS_SHOTS, `auth-${name}-${colorScheme}.png`), fullPage: true });
      const { violations } = await new AxeBuilder({ page: ada }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]).analyze();
      const serious = violations.filter((one) => ["serious", "critical"].includes(one.impact));
      expect(serious.map((one) => `${path}: ${one.id} ${one.nodes[0].target}`)).toEqual([]);
      await ada.setViewportSize({ width: 375, height: 800 });
      if (process.env.GPUAAS_SHOTS) await ada.screenshot({ path: join(process.env.GPUAAS_SHOTS, `auth-${name}-${colorScheme}-375.png`), fullPage: true });
      expect(await ada.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
    }
  }
  expect(complaints).toEqual([]);
});
