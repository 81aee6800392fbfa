// `make screenshots`: every page, light and dark, wide and narrow. They are looked at, not compared.
import { chromium } from "@playwright/test";
import { mkdirSync } from "node:fs";
import config from "../playwright.config.mjs";
import { execFileSync } from "node:child_process";
import { PASSWORD, Site } from "./site.mjs";

const out = process.argv[2] ?? "e2e/test-results/screenshots";
const only = process.argv[3];
mkdirSync(out, { recursive: true });
const site = await Site.start({ args: ["--simulate", "1x4xH100"] });
const browser = await chromium.launch(config.use.launchOptions);
const open = ["/auth/login", "/auth/signup", "/edge-error", "/docs", "/docs/start", "/nowhere"];
const signedIn = "/ /compute /launch/compute /workloads /access/projects /account/billing /account/sessions /platform/ops /platform/ops/components /platform/lifecycle/nodes /platform/catalog /platform/allocations /platform/evidence/audit /nowhere-either".split(" ");
try {
  const first = await browser.newContext();
  await site.signUpFirst(await first.newPage());
  const state = await first.storageState();
  const cli = (args, input = "") => execFileSync(process.env.GPUAAS_BIN, args, { env: { ...process.env, GPUAAS_CREDENTIALS: `${site.folder}/credentials.json` }, input }).toString();
  cli(["login", "--server", site.url, "--email", "ada@example.com"], `${PASSWORD}\n`);
  await first.pages()[0].waitForTimeout(4000);
  const launch = (name) => JSON.parse(cli(["launch", "sim-h100-slice", "--name", name, "--yes", "--output", "json"]));
  const over = launch("A workload with the longest name that one may give it");
  cli(["release", over.id, "--wait"]);
  const runs = launch("training run");
  const nodes = JSON.parse(cli(["nodes", "--output", "json"])).items;
  for (const path of [`/workloads/${runs.id}`, `/workloads/${runs.id}?tab=connect`, `/workloads/${over.id}`, `/tasks/${runs.task_id}`, `/terminal/popout?allocation=${runs.id}`, `/access/projects/${runs.project_id}`, `/platform/lifecycle/nodes/${nodes.find((node) => node.simulated).id}`]) signedIn.push(path);
  for (const scheme of ["light", "dark"]) {
    for (const width of [1440, 375]) {
      for (const [paths, storageState] of [[open, undefined], [signedIn, state]]) {
        const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 900 }, storageState });
        const page = await context.newPage();
        for (const path of paths) {
          if (only && !path.includes(only)) continue;
          await page.goto(site.url + path);
          await page.waitForTimeout(path.startsWith("/terminal") ? 1200 : 200);
          const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
          if (wide) console.log(`WIDER THAN THE SCREEN: ${path} at ${width}`);
          const name = path.replaceAll(/[/?=]/g, "_").replaceAll(/(alloc|task|proj|node)_[a-z0-9]{20,}/g, (id) => (id === over.id ? "over" : "one")).replace(/^_$/, "_home");
          await page.screenshot({ path: `${out}/${name}-${scheme}-${width}.png`, fullPage: true });
        }
        await context.close();
      }
    }
  }
} finally {
  await browser.close();
  await site.end();
}
