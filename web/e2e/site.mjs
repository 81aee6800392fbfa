// Starts the real program in a fresh folder, as an operator would, and ends it by its pid.
import AxeBuilder from "@axe-core/playwright";
import { expect } from "@playwright/test";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const PASSWORD = "river stone lantern";

// Most walks are not about the second factor of whoever runs the site.
const EXCUSED = { GPUAAS_SITE__ENVIRONMENT: "development", GPUAAS_IDENTITY__OPERATORS_WITHOUT_FACTOR: "true" };

export class Site {
  /** Starts `gpuaas up` and waits until it listens. */
  static async start({ args = [], env = {} } = {}) {
    const site = new Site();
    site.folder = mkdtempSync(join(tmpdir(), "gpuaas-e2e-"));
    if (!process.env.GPUAAS_BIN) throw new Error("GPUAAS_BIN names the program to test");
    site.how = { args, env };
    site.log = "";
    await site.up("127.0.0.1:0");
    return site;
  }

  /** Starts the program on its folder. */
  async up(address) {
    const flags = ["up", "--data", join(this.folder, "data"), "--http", address, "--agent-listen", "127.0.0.1:0", ...this.how.args];
    const env = { ...process.env, ...EXCUSED, ...this.how.env };
    this.child = spawn(process.env.GPUAAS_BIN, flags, { env, stdio: ["ignore", "pipe", "pipe"] });
    this.child.stderr.on("data", (chunk) => { this.log += chunk; });
    await new Promise((resolve, reject) => {
      let out = "";
      const late = setTimeout(() => reject(new Error(`did not listen:\n${out}\n${this.log}`)), 30_000);
      this.child.stdout.on("data", (chunk) => {
        out += chunk;
        this.first = out.match(/First sign-in: (\S+)/)?.[1];
        this.url = out.match(/Listening: (\S+)/)?.[1];
        if (this.url) { clearTimeout(late); resolve(); }
      });
      this.child.on("exit", (code) => reject(new Error(`ended with ${code}:\n${this.log}`)));
    });
  }

  /** Ends it, does something to its folder, and starts it again under the same address. */
  async again(meanwhile = () => {}) {
    await this.stop();
    meanwhile(join(this.folder, "data"));
    await this.up(new URL(this.url).host);
  }

  /** Kills the agents of its machines; they are started again by themselves. */
  killAgents() {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      let words = [];
      try { words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0"); } catch { /* it ended */ }
      if (words[1] === "agent" && words.some((word) => word.startsWith(this.folder))) process.kill(Number(pid), "SIGKILL");
    }
  }

  /** Runs a command as whoever signed in at this site's command line. */
  cli(args, input = "", more = {}) {
    const env = { ...process.env, GPUAAS_CREDENTIALS: join(this.folder, "credentials.json"), ...more };
    return execFileSync(process.env.GPUAAS_BIN, args, { env, input }).toString();
  }

  /** Makes the first account in the browser. */
  async signUpFirst(page, name = "Ada Lovelace") {
    await page.goto(this.first);
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("E-mail address").fill("ada@example.com");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Create the first account" }).click();
    await page.waitForURL(`${this.url}/`);
  }

  /** Ends it. */
  async stop() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGTERM");
    await gone;
  }

  /** Ends it and removes its folder. */
  async end() {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Finds nothing that keeps people out (WCAG 2.2 AA). */
export async function axe(page) {
  const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]).analyze();
  expect(found.violations).toEqual([]);
}

export { readFileSync };
