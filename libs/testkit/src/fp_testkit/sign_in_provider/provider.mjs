// A certified OpenID Connect provider with the clients and accounts of a test.
// argv: a port, the clients as JSON. PUT /accounts/<id> with the claims of a person makes or changes him.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.cwd()}/`);
const { default: Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));

const [port, clients] = [Number(process.argv[2]), JSON.parse(process.argv[3])];
const accounts = new Map();

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  claims: {
    openid: ["sub"],
    email: ["email", "email_verified"],
    profile: ["name", "preferred_username"],
    groups: ["groups"],
  },
  scopes: ["openid", "email", "profile", "groups"],
  // As the standard wants it: claims of scopes come from the userinfo endpoint.
  conformIdTokenClaims: true,
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true } },
  findAccount: (_context, id) =>
    accounts.has(id) && { accountId: id, claims: () => ({ sub: id, ...accounts.get(id) }) },
});

const handle = provider.callback();
createServer(async (request, response) => {
  if (request.method !== "PUT") return handle(request, response);
  let body = "";
  for await (const chunk of request) body += chunk;
  accounts.set(decodeURIComponent(request.url.split("/").pop()), JSON.parse(body));
  response.writeHead(204).end();
}).listen(port, "127.0.0.1", () => console.log("ready"));
