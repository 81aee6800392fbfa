// Starts the real program in a fresh folder, as an operator would, and ends it by its pid.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
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
    const program = process.env.GPUAAS_BIN;
    if (!program) throw new Error("GPUAAS_BIN names the program to test");
    const flags = ["up", "--data", join(site.folder, "data"), "--http", "127.0.0.1:0", "--agent-listen", "127.0.0.1:0", ...args];
    site.child = spawn(program, flags, { env: { ...process.env, ...EXCUSED, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    site.log = "";
    site.child.stderr.on("data", (chunk) => { site.log += chunk; });
    await new Promise((resolve, reject) => {
      let out = "";
      const late = setTimeout(() => reject(new Error(`did not listen:\n${out}\n${site.log}`)), 30_000);
      site.child.stdout.on("data", (chunk) => {
        out += chunk;
        site.first = out.match(/First sign-in: (\S+)/)?.[1];
        site.url = out.match(/Listening: (\S+)/)?.[1];
        if (site.url) { clearTimeout(late); resolve(); }
      });
      site.child.on("exit", (code) => reject(new Error(`ended with ${code}:\n${site.log}`)));
    });
    return site;
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

  /** Ends it and removes its folder. */
  async end() {
    const gone = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGTERM");
    await gone;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export { readFileSync };
