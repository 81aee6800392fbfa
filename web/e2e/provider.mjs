// A certified sign-in service (OpenID Connect), as an organization would run one.
import { createServer } from "node:http";
import Provider from "oidc-provider";

export const CLIENT = "gpuaas";
export const SECRET = "a-secret-of-the-client-0123456789";

/** Who is there, by the name they sign in with. */
const PEOPLE = {
  grace: { name: "Grace Hopper", email: "grace@work.example.com", groups: ["staff"] },
  mary: { name: "Mary Shelley", email: "mary@work.example.com", groups: [] },
};

export class SignInService {
  /** Takes a port; nothing answers there before `open`. */
  static async start() {
    const service = new SignInService();
    service.server = createServer((request, answer) => {
      if (!service.handle) { answer.writeHead(503).end(); return; }
      service.handle(request, answer);
    });
    await new Promise((resolve) => { service.server.listen(0, "127.0.0.1", resolve); });
    service.issuer = `http://127.0.0.1:${service.server.address().port}`;
    return service;
  }

  /** Opens it for a client that was set up with these addresses. */
  open({ redirect, backchannel, afterwards }) {
    this.provider = new Provider(this.issuer, {
      clients: [{
        client_id: CLIENT,
        client_secret: SECRET,
        redirect_uris: [redirect],
        post_logout_redirect_uris: [afterwards],
        backchannel_logout_uri: backchannel,
        backchannel_logout_session_required: true,
        grant_types: ["authorization_code", "refresh_token"],
      }],
      cookies: { keys: ["a key of the test"] },
      claims: { email: ["email", "email_verified"], groups: ["groups"], profile: ["name"] },
      scopes: ["openid", "profile", "email", "groups", "offline_access"],
      features: { devInteractions: { enabled: true }, backchannelLogout: { enabled: true } },
      issueRefreshToken: async () => true,
      // Our own address is on the loopback interface: the service is not asked to refuse it.
      fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
      findAccount: (_, id) => ({
        accountId: id,
        claims: () => ({ sub: id, email_verified: true, ...PEOPLE[id] }),
      }),
    });
    this.grants = new Set();
    this.provider.on("grant.success", ({ oidc }) => { this.grants.add(oidc.entities.Grant.jti); });
    this.provider.on("server_error", (_, error) => { this.fault = error; });
    this.up();
  }

  up() { this.handle = this.provider.callback(); }
  down() { this.handle = null; }

  /** Takes back what people allowed: their refresh tokens are refused from now on. */
  async takeBack() {
    for (const grant of this.grants) await this.provider.RefreshToken.revokeByGrantId(grant);
  }

  async end() { this.server.closeAllConnections(); await new Promise((resolve) => { this.server.close(resolve); }); }
}
