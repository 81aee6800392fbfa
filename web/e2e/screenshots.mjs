// `make screenshots`: every page, light and dark, wide and narrow. They are looked at, not compared.
import { chromium } from "@playwright/test";
import { mkdirSync } from "node:fs";
import config from "../playwright.config.mjs";
import { Site } from "./site.mjs";

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
  for (const scheme of ["light", "dark"]) {
    for (const width of [1440, 375]) {
      for (const [paths, storageState] of [[open, undefined], [signedIn, state]]) {
        const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 900 }, storageState });
        const page = await context.newPage();
        for (const path of paths) {
          if (only && !path.includes(only)) continue;
          await page.goto(site.url + path);
          await page.waitForTimeout(150);
          const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
          if (wide) console.log(`WIDER THAN THE SCREEN: ${path} at ${width}`);
          const name = path.replaceAll("/", "_").replace(/^_$/, "_home");
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
