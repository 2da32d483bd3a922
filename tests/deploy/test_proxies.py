"""The example configurations of nginx and Caddy, in front of a real server: TLS, forwarded addresses, prefixes."""

import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trustme

from tests.serving import Serving, free_port, serving

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
HOST = "clicks.example.org"
START_TIMEOUT_S = 20
Proxy = Callable[[Path, int, int, trustme.LeafCert], list[str]]


def nginx(folder: Path, port: int, target: int, certificate: trustme.LeafCert) -> list[str]:
    """The command that runs the example, with this machine's ports and files."""
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    text = (DEPLOY / "nginx.conf").read_text()
    for old, new in (
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("127.0.0.1:8000", f"127.0.0.1:{target}"),
        (r"/etc/letsencrypt/live/clicks.example.org/fullchain.pem", str(folder / "chain.pem")),
        (r"/etc/letsencrypt/live/clicks.example.org/privkey.pem", str(folder / "key.pem")),
    ):
        assert old in text
        text = text.replace(old, new)
    temporary = "\n".join(
        f"{kind}_temp_path {folder / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root; " if os.geteuid() == 0 else ""  # pytest's folders are closed to others
    (folder / "nginx.conf").write_text(
        f"{user}daemon off; pid {folder / 'pid'}; error_log {folder / 'error.log'};\nevents {{}}\n"
        f"http {{ access_log off;\n{temporary}\n{text}\n}}\n"
    )
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]


def caddy(folder: Path, port: int, target: int, certificate: trustme.LeafCert) -> list[str]:
    """The command that runs the example with a certificate of the test's in place of a fetched one."""
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    text = (DEPLOY / "Caddyfile").read_text()
    assert f"\n{HOST} {{\n" in text
    text = text.replace(
        f"\n{HOST} {{\n", f"\n{HOST}:{port} {{\n\tbind 127.0.0.1\n\ttls {folder / 'chain.pem'} {folder / 'key.pem'}\n"
    )
    options = f"{{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system {folder}\n}}\n"
    (folder / "Caddyfile").write_text(options + text.replace("127.0.0.1:8000", f"127.0.0.1:{target}"))
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


@contextmanager
def proxied(proxy: Proxy, folder: Path, server: Serving) -> Iterator[httpx.Client]:
    """A client that reaches the server through the proxy, and knows the proxy's certificate."""
    authority = trustme.CA()
    folder.mkdir()
    folder.chmod(0o755)
    port = free_port()
    command = proxy(folder, port, int(server.url.rpartition(":")[2]), authority.issue_cert(HOST))
    with (folder / "out").open("wb") as out:
        environment = os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    try:
        with httpx.Client(
            base_url=f"https://127.0.0.1:{port}",
            verify=context,
            headers={"Host": HOST},
            timeout=20,
        ) as client:
            client_get = client.build_request("GET", "/health", extensions={"sni_hostname": HOST})
            wait_until_there(client, client_get, process, folder)
            yield client
    finally:
        process.terminate()
        process.wait(20)


def wait_until_there(
    client: httpx.Client, request: httpx.Request, process: "subprocess.Popen[bytes]", folder: Path
) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            client.send(request)
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return
    logs = [path.read_text() for path in (folder / "out", folder / "error.log") if path.exists()]
    raise AssertionError(f"the proxy does not answer: {logs}")


def ask(client: httpx.Client, method: str, path: str, **more: object) -> httpx.Response:
    return client.request(method, path, extensions={"sni_hostname": HOST}, **more)  # type: ignore[arg-type]


PROXIES = [
    pytest.param(
        nginx, id="nginx", marks=pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
    ),
    pytest.param(
        caddy, id="caddy", marks=pytest.mark.skipif(shutil.which("caddy") is None, reason="Caddy is not installed")
    ),
]


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("base", ["", "/tracking"])
def test_behind_a_proxy_visitors_keep_their_address_and_links_lead_back(
    proxy: Proxy, base: str, tmp_path: Path
) -> None:
    settings = {"trusted_proxies": "127.0.0.1", "public_url": f"https://{HOST}"}
    with serving(tmp_path / "data", **settings, **({"base_path": base} if base else {})) as server:
        authorization = {"Authorization": f"Bearer {server.token()}"}
        with proxied(proxy, tmp_path / "proxy", server) as client:
            made = ask(
                client,
                "POST",
                f"{base}/links",
                headers=authorization,
                json={"code": "spring", "uri": "https://shop.example.org/"},
            )
            assert made.status_code == 201, made.text
            assert made.headers["Location"] == f"https://{HOST}{base}/links/{made.json()['linkId']}"
            forged = {"X-Forwarded-For": "8.8.8.8", "Forwarded": "for=8.8.4.4"}
            visit = ask(client, "GET", f"{base}/r/spring", headers=forged)
            assert visit.status_code == 302
            found = ask(client, "GET", f"{base}/clicks?limit=1", headers=authorization)
            [click] = found.json()
            assert click["ip"] == "127.0.0.1"  # the proxy's peer, not what the visitor wrote
            export = ask(client, "GET", f"{base}/clicks/export?format=csv", headers=authorization)
            assert export.text.count(click["clickId"]) == 1
            many = b'{"ip": "8.8.8.8", "uri": "https://a.example/"}\n' * 10_000
            batch = ask(
                client,
                "POST",
                f"{base}/clicks/batch",
                headers={**authorization, "Content-Type": "application/x-ndjson"},
                content=many,
            )
            assert batch.json()["created"] == 10_000, batch.text[:200]


def test_no_example_trusts_what_a_visitor_wrote() -> None:
    """Both replace X-Forwarded-For and drop Forwarded; a copy of them that does not would be believed."""
    text = (DEPLOY / "nginx.conf").read_text()
    assert re.search(r"proxy_set_header X-Forwarded-For \$remote_addr;", text)
    assert re.search(r'proxy_set_header Forwarded "";', text)
    assert "header_up -Forwarded" in (DEPLOY / "Caddyfile").read_text()
