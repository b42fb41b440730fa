"""boto3 turns mutual TLS of a domain name on and off; curl and Python's ssl say who gets in meanwhile.

    mutual_tls.py PORT DIRECTORY TRUSTSTORE_URI

The domain name is shop.test, which leads to the stage $default of the API `shop`. DIRECTORY has development-ca.pem, and client.pem with
client.key, of a client that the truststore trusts. Endpoint, credentials and region come from the usual AWS_ variables. Each step is
told by one line.
"""

import json
import socket
import ssl
import subprocess
import sys

import boto3
from botocore.config import Config

CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=20, read_timeout=20, proxies={})
NAME = "shop.test"


def with_ssl(port, directory, certificate):
    context = ssl.create_default_context(cafile=f"{directory}/development-ca.pem")
    if certificate:
        context.load_cert_chain(f"{directory}/client.pem", f"{directory}/client.key")
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            with context.wrap_socket(plain, server_hostname=NAME) as stream:
                stream.sendall(f"GET /v2 HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
                answer = stream.recv(1024)
        return answer.split()[1].decode() if answer else "refused"
    except (ssl.SSLError, ConnectionError):
        return "refused"


def with_curl(port, directory, certificate):
    command = ["curl", "--silent", "--noproxy", "*", "--max-time", "20", "--output", "/dev/null", "--write-out", "%{http_code}"]
    command += ["--cacert", f"{directory}/development-ca.pem", "--connect-to", f"{NAME}:443:127.0.0.1:{port}"]
    if certificate:
        command += ["--cert", f"{directory}/client.pem", "--key", f"{directory}/client.key"]
    done = subprocess.run([*command, f"https://{NAME}/v2"], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else "refused"


def tell(step, port, directory, shown):
    found = [who(port, directory, certificate) for who in (with_ssl, with_curl) for certificate in (True, False)]
    line = {"step": step, "statuses": found, "shown": shown.get("MutualTlsAuthentication")}
    print(json.dumps(line), flush=True)


def main():
    port, directory, uri = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    client = boto3.client("apigatewayv2", config=CONFIG)
    made = client.create_domain_name(DomainName=NAME, MutualTlsAuthentication={"TruststoreUri": uri})
    client.create_api_mapping(DomainName=NAME, ApiId="shop", Stage="$default")
    tell("on", port, directory, made)
    shown = client.update_domain_name(DomainName=NAME, MutualTlsAuthentication={"TruststoreUri": ""})
    tell("off", port, directory, shown)
    client.update_domain_name(DomainName=NAME, MutualTlsAuthentication={"TruststoreUri": uri})
    tell("on again", port, directory, client.get_domain_name(DomainName=NAME))


main()
