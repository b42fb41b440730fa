"""HTTP proxies in front of one backend, an nginx that answers from memory and is the issuer of a token, too."""

import base64
import json
import subprocess
import time
from typing import ClassVar

from .subjects import Floor, Subject, Tidegate

ANSWER_BYTES = 128
ACCESS_LOG = '{"requestId":"$context.requestId","ip":"$context.identity.sourceIp","route":"$context.routeKey","status":"$context.status"}'


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def openssl(*arguments, data=b""):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


class Nginx(Subject):
    """nginx with one worker, no logs, and nothing outside of its folder. `servers` is its configuration."""

    name = "nginx"
    processes = 2

    def servers(self):
        """Proxies to the backend over kept connections, and does nothing else."""
        return f"""
  upstream backend {{ server 127.0.0.1:{self.settings.http_backend.port}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{self.port};
    location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ''; }}
  }}"""

    def command(self):
        (self.folder / "nginx.conf").write_text(f"""
daemon off;
worker_processes 1;
pid {self.folder}/pid;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {self.folder}/a; proxy_temp_path {self.folder}/b; fastcgi_temp_path {self.folder}/c;
  uwsgi_temp_path {self.folder}/d; scgi_temp_path {self.folder}/e;
  keepalive_requests 1000000000;
  default_type application/json;
  {self.servers()}
}}
""")
        return ["nginx", "-p", str(self.folder), "-e", str(self.folder / "error"), "-c", str(self.folder / "nginx.conf")]

    def url(self, row):
        return f"http://127.0.0.1:{self.port}/users/7"


class Backend(Nginx):
    """Answers everything alike, shows the public key of `token`, and runs beside the client."""

    name = "backend"

    def __init__(self, folder, settings):
        super().__init__(folder, settings)
        self.core = settings.client_core
        self.issuer = f"http://127.0.0.1:{self.port}"
        key = self.folder / "key.pem"
        key.write_bytes(openssl("genrsa", "2048"))
        modulus = openssl("rsa", "-in", str(key), "-noout", "-modulus").decode().strip().split("=")[1]
        public = {"kty": "RSA", "kid": "k", "use": "sig", "alg": "RS256", "e": "AQAB", "n": base64url(bytes.fromhex(modulus))}
        self.keys = json.dumps({"keys": [public]})
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": "bench", "sub": "u-1", "scope": "read", "iat": now, "exp": now + 24 * 3600}
        parts = [{"alg": "RS256", "kid": "k", "typ": "JWT"}, claims]
        signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
        self.token = f"{signed}.{base64url(openssl('dgst', '-sha256', '-sign', str(key), '-binary', data=signed.encode()))}"

    def servers(self):
        configuration = json.dumps({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"})
        answer = json.dumps("x" * (ANSWER_BYTES - 2))
        return f"""
  server {{
    listen 127.0.0.1:{self.port};
    location / {{ return 200 '{answer}'; }}
    location = /.well-known/openid-configuration {{ return 200 '{configuration}'; }}
    location = /keys {{ return 200 '{self.keys}'; }}
  }}"""


class TidegateProxy(Tidegate):
    """An HTTP API with one proxied route and nothing around it."""

    name = "tidegate, proxy"
    limits: ClassVar = {"requestRate": "off"}
    route: ClassVar = {}
    stage: ClassVar = {}

    def api(self):
        backend = self.settings.http_backend.issuer
        return {
            "protocolType": "HTTP",
            "routes": {"GET /{path+}": {"target": "integrations/backend", **self.route}},
            "integrations": {
                "backend": {"integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "integrationUri": f"{backend}/{{path}}"},
            },
            "authorizers": {
                "login": {
                    "authorizerType": "JWT",
                    "identitySource": ["$request.header.Authorization"],
                    "jwtConfiguration": {"issuer": backend, "audience": ["bench"]},
                },
            },
            "stages": {"$default": self.stage},
        }

    def url(self, row):
        return f"http://127.0.0.1:{self.port}/users/7"


class TidegateAuthorizing(TidegateProxy):
    """The same with token, account bucket and route bucket, access log and metrics by route; no bucket ever refuses."""

    name = "tidegate, JWT"
    limits: ClassVar = {"requestRate": 1000000, "requestBurst": 1000000}
    route: ClassVar = {"authorizationType": "JWT", "authorizerId": "login"}
    stage: ClassVar = {
        "defaultRouteSettings": {"throttlingRateLimit": 1000000, "throttlingBurstLimit": 1000000, "detailedMetricsEnabled": True},
        "accessLogSettings": {"destinationArn": "stdout", "format": ACCESS_LOG},
    }


class HttpFloor(Floor):
    """hyper's server and its pooled client, and nothing else."""

    name, kind = "proxy floor, GET", "proxy"

    def command(self):
        return [*super().command(), "--upstream", self.settings.http_backend.issuer]

    def url(self, row):
        return f"http://127.0.0.1:{self.port}/users/7"


