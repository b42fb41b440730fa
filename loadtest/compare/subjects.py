"""What is compared: how each server is started and addressed. proxied.py has the HTTP proxies."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import ClassVar

HERE = Path(__file__).resolve().parent
ACCESS_KEY, SECRET = "AKIDCOMPARE", "compare-secret-compare-secret"
NCHAN_MODULE = "/usr/lib/nginx/modules/ngx_nchan_module.so"

def say(text):
    print(text, file=os.sys.stderr, flush=True)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def descendants(pid):
    """The process and all that it started."""
    found = [pid]
    for one in found:
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            pass
    return sorted(set(found))


class Subject:
    """A server that runs on one core until it is stopped. Everything it writes is in `folder`."""

    processes = 1  # at least so many when it is ready: nginx listens before its worker is there

    def __init__(self, folder, settings):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.settings = settings
        self.core = settings.server_core
        self.port = free_port()
        self.process = None

    def command(self):
        raise NotImplementedError

    def start(self):
        command = ["taskset", "-c", str(self.core), *self.command()]
        with open(self.folder / "log", "w") as log:
            begun = time.monotonic()
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )
        self.await_port(self.port)
        self.start_seconds = time.monotonic() - begun
        return self

    def await_port(self, port, patience=60):
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                self.ask(port)
                if len(self.pids()) >= self.processes:
                    return
            except OSError:
                pass
            time.sleep(0.001)
        log = (self.folder / "log").read_text()[-2000:]
        raise RuntimeError(f"{self.name} does not listen on port {port}: {log}")

    def ask(self, port):
        """Waits for an answer, whichever it is: a port may be open before there is anybody to serve it."""
        with socket.create_connection(("127.0.0.1", port), timeout=1) as one:
            one.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            one.recv(1)

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # what it has started and left behind
        except ProcessLookupError:
            pass
        self.process.wait()

    def pids(self):
        return descendants(self.process.pid)

    def resident_bytes(self):
        pages = [Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in self.pids()]
        return sum(map(int, pages)) * os.sysconf("SC_PAGE_SIZE")

    def program_bytes(self):
        """Size of the program without symbols; nothing where it is not one file that was built here."""
        return 0

    def scenario(self, row, scenario):
        """The load that stands for the row's on this server."""
        return scenario

    def url(self, row):
        return f"ws://127.0.0.1:{self.port}/"

    def options(self, row):
        """What the load needs for this server, beside what the row says."""
        return []


class Tidegate(Subject):
    name = "tidegate"
    limits: ClassVar = {"requestRate": "off", "connectRate": "off", "connections": 1000000, "connectionsPerAddress": 1000000}
    server: ClassVar = {}  # further settings

    def api(self):
        two_way = {"routeResponseSelectionExpression": "$default", "routeResponses": {"$default": {}}}
        return {
            "protocolType": "WEBSOCKET",
            "routeSelectionExpression": "$request.body.action",
            "routes": {
                "ask": {"target": "integrations/mock", **two_way},
                "forward": {"target": "integrations/backend", **two_way},
            },
            "integrations": {
                "mock": {
                    "integrationType": "MOCK",
                    "requestTemplates": {"$default": '{"statusCode":200}'},
                    "integrationResponses": {"$default": {"responseTemplates": {"$default": '{"type":"pong"}'}}},
                },
                "backend": {
                    "integrationType": "HTTP_PROXY",
                    "integrationMethod": "POST",
                    "integrationUri": self.settings.backend_url,
                },
            },
            "stages": {"dev": {"tidegate": {"limits": {"framesPerSecond": 1000000, "inFlight": 64}}}},
        }

    def command(self):
        definition = {
            "server": {
                "listen": f"127.0.0.1:{self.port}",
                "admin": "127.0.0.1:0",
                "stateDirectory": str(self.folder / "state"),
                "limits": self.limits,
                **self.server,
            },
            "credentials": [{"accessKeyId": ACCESS_KEY, "secretAccessKey": SECRET}],
            "apis": {"bench": self.api()},
        }
        path = self.folder / "tidegate.yaml"  # JSON is YAML
        path.write_text(json.dumps(definition, indent=1))
        return [self.settings.tidegate, "serve", str(path)]

    def program_bytes(self):
        stripped = self.folder / "stripped"
        if not stripped.exists():
            subprocess.run(["strip", "-o", str(stripped), self.settings.tidegate], check=True)
        return stripped.stat().st_size

    def url(self, row):
        return f"ws://127.0.0.1:{self.port}/dev"

    def options(self, row):
        if row in ("idle", "tls"):
            return ["--message", '{"action":"ask"}', "--expect-reply"]
        if row.startswith("echo"):
            return ["--in-order"]
        if row == "forward":
            return ["--message-template", '{"action":"forward","id":"{id}","pad":"{pad}"}']
        if row.startswith("push"):
            return ["--access-key-id", ACCESS_KEY, "--secret-access-key", SECRET]
        return []


class TidegateTls(Tidegate):
    """The same over TLS 1.3, which is what both sides agree on, with a certificate of the development CA."""

    name = "tidegate, TLS"
    server: ClassVar = {"tls": "development"}

    def url(self, row):
        return f"wss://127.0.0.1:{self.port}/dev"

    def options(self, row):
        return [*super().options(row), "--ca", self.folder / "state/development-ca.pem"]


class Floor(Subject):
    kind = ""

    def command(self):
        return [self.settings.loadtest, "floor", self.kind, "--threads", "1", "--listen", f"127.0.0.1:{self.port}"]

    def options(self, row):
        return ["--message", "whoami", "--expect-reply"] if row == "idle" else []


class Echo(Floor):
    """The backend of messages, which echoes them; it runs beside the client."""

    name = "backend"

    def __init__(self, folder, settings):
        super().__init__(folder, settings)
        self.core = settings.client_core

    def command(self):
        return [self.settings.loadtest, "backend", "--threads", "1", "--listen", f"127.0.0.1:{self.port}"]


class EchoFloor(Floor):
    name, kind = "echo floor", "echo"


class PushFloor(Floor):
    name, kind = "push floor", "push"


class ProxyFloor(Floor):
    """Requests through a bare proxy stand for messages that are forwarded."""

    name, kind = "proxy floor", "proxy"

    def command(self):
        return [*super().command(), "--upstream", self.settings.backend_url]

    def scenario(self, row, scenario):
        return "http"

    def url(self, row):
        return f"http://127.0.0.1:{self.port}/"

    def options(self, row):
        return ["--method", "POST", "--body", "x" * 64]


class Ws(Subject):
    name = "ws"

    def command(self):
        shutil.copy(HERE / "peers/ws-server.mjs", self.folder)
        (self.folder / "node_modules").symlink_to(self.settings.cache / "ws/node_modules")
        return ["node", "ws-server.mjs", str(self.port)]

    def options(self, row):
        return ["--message", "hello", "--expect-reply"] if row == "idle" else []


class Nchan(Subject):
    """nginx with Debian's nchan module. A client names its channel in the URL."""

    name = "nchan"
    processes = 2

    def command(self):
        configuration = f"""
load_module {NCHAN_MODULE};
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {self.folder}/pid;
events {{ worker_connections 19000; }}
http {{
  access_log off;
  client_body_temp_path {self.folder}/a; proxy_temp_path {self.folder}/b; fastcgi_temp_path {self.folder}/c;
  uwsgi_temp_path {self.folder}/d; scgi_temp_path {self.folder}/e;
  keepalive_requests 1000000000;
  server {{
    listen 127.0.0.1:{self.port};
    location = /sub {{ nchan_subscriber websocket; nchan_channel_id $arg_id; }}
    location = /pub {{ nchan_publisher; nchan_channel_id $arg_id; }}
  }}
}}
"""
        (self.folder / "nginx.conf").write_text(configuration)
        return ["nginx", "-p", str(self.folder), "-e", str(self.folder / "error"), "-c", str(self.folder / "nginx.conf")]

    def url(self, row):
        identity = "{id}" if row.startswith("push") else "idle"
        return f"ws://127.0.0.1:{self.port}/sub?id={identity}"

    def options(self, row):
        if not row.startswith("push"):
            return []
        management = f"http://127.0.0.1:{self.port}"
        return ["--choose-ids", "--management", management, "--post-path", "/pub?id={id}"]


class NchanFanOut(Nchan):
    """The same with every client on one channel: one publication reaches all."""

    name = "nchan, one publish"
    fan_out_paths: ClassVar = ["/sub?id=all", "/pub?id=all"]

    def scenario(self, row, scenario):
        return "fanout"


class Pushpin(Subject):
    """Pushpin with WebSocket over HTTP: the backend echoes its events, which answers a message with itself."""

    name = "pushpin"

    def start(self):
        """Its front door opens before the rooms behind it: it is ready when the backend's answer comes through."""
        super().start()
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=2).close()
                return self
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("pushpin: no answer of the backend comes through")

    def command(self):
        shutil.copytree("/etc/pushpin", self.folder / "etc")
        path = self.folder / "etc/pushpin.conf"
        first = free_port()
        values = {
            "rundir": self.folder / "run", "logdir": self.folder / "log.d", "http_port": f"127.0.0.1:{self.port}",
            "services": "condure,pushpin-proxy,pushpin-handler",
            "include": self.folder / "etc/internal.conf",
            "push_in_spec": f"tcp://127.0.0.1:{first}", "push_in_http_port": free_port(),
            "push_in_sub_specs": f"tcp://127.0.0.1:{free_port()}", "command_spec": f"tcp://127.0.0.1:{free_port()}",
        }
        lines = []
        for line in path.read_text().splitlines():
            key = line.split("=")[0].strip()
            lines.append(f"{key}={values[key]}" if key in values and not line.startswith("#") else line)
        path.write_text("\n".join(lines) + "\n")
        for folder in ("run", "log.d"):
            (self.folder / folder).mkdir()
        backend = self.settings.backend_url.removeprefix("http://").strip("/")
        (self.folder / "etc/routes").write_text(f"* {backend},over_http\n")
        # Debian's Pushpin calls backends through the machine's zurl, which may not speak to this one.
        internal = Path("/usr/lib/pushpin/internal.conf").read_text()
        internal = internal.replace("ipc:///var/run/zurl/", f"ipc://{self.folder}/run/")
        (self.folder / "etc/internal.conf").write_text(internal)
        pipes = {"in_spec": "in", "in_stream_spec": "in-stream", "out_spec": "out"}
        lines = [f"{key}=ipc://{self.folder}/run/zurl-{name}" for key, name in pipes.items()]
        limits = ["in_req_spec=", "defpolicy=allow", "max_open_requests=20000", "in_hwm=1000", "out_hwm=1000"]
        (self.folder / "zurl.conf").write_text("\n".join(["[General]", *lines, *limits]) + "\n")
        zurl = f"zurl --config={self.folder}/zurl.conf --loglevel=1"
        return ["sh", "-c", f"{zurl} & exec pushpin --config={path}"]


class ServerlessOffline(Subject):
    name = "serverless-offline"

    def command(self):
        shutil.copy(HERE / "peers/serverless.yml", self.folder)
        shutil.copy(HERE / "peers/handler.cjs", self.folder / "handler.js")
        modules = self.settings.cache / "serverless-offline/node_modules"
        (self.folder / "node_modules").symlink_to(modules)
        ports = ["--websocketPort", str(self.port), "--httpPort", str(free_port()), "--lambdaPort", str(free_port())]
        where = ["--host", "127.0.0.1", "--useInProcess", "--noPrependStageInUrl"]
        program = [str(modules / ".bin/node"), str(modules / "serverless/bin/serverless.js")]
        return [*program, "offline", "start", *ports, *where]

    def options(self, row):
        return ["--message", "whoami", "--expect-reply"] if row == "idle" else []
