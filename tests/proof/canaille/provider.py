"""Canaille, an OpenID Connect provider, with one client and one person; run by its own venv.

argv: port, redirect address, secret of the client. Prints "ready" when it listens. `GET /groups?name=a&name=b` makes
these the groups of the person.
"""

import sys

import flask
from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from canaille.backends.memory.backend import MemoryBackend
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

PORT, REDIRECT, SECRET = int(sys.argv[1]), sys.argv[2], sys.argv[3]
KEY = RSAKey.generate_key(2048, parameters={"kid": "k1", "use": "sig", "alg": "RS256"}).as_dict(private=True)
SCOPES = ["openid", "profile", "email", "groups"]

app = create_app(
    {
        "SECRET_KEY": "a-key-of-a-test-that-is-long-enough",
        "SERVER_NAME": f"127.0.0.1:{PORT}",
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE_OIDC": {"ACTIVE_JWKS": [KEY], "ISSUER": f"http://127.0.0.1:{PORT}"},
    },
    backend=MemoryBackend({}),
)

with app.app_context():
    user = models.User(
        formatted_name="Ada of Canaille",
        family_name="Canaille",
        given_name="Ada",
        user_name="ada",
        emails=["ada@canaille.example"],
        password="a-river-and-9-lanterns",
    )
    Backend.instance.save(user)
    client = models.Client(
        client_id="forgepoint",
        client_secret=SECRET,
        client_name="Forgepoint",
        client_uri="http://127.0.0.1",
        contacts=["ops@canaille.example"],
        redirect_uris=[REDIRECT],
        grant_types=["authorization_code"],
        response_types=["code"],
        scope=SCOPES,
        token_endpoint_auth_method="client_secret_basic",
    )
    Backend.instance.save(client)
    client.audience = [client]
    Backend.instance.save(client)


@app.get("/groups")
def groups() -> str:
    for group in list(Backend.instance.query(models.Group)):
        Backend.instance.delete(group)
    for name in flask.request.args.getlist("name"):
        Backend.instance.save(models.Group(display_name=name, members=[user]))
    return "{}"


server = make_server("127.0.0.1", PORT, app, threaded=True)
print("ready", flush=True)
server.serve_forever()
