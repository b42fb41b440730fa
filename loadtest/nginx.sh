#!/usr/bin/env bash
# What a proxied HTTP request costs, in CPU time, next to nginx in front of the same backend.
#
#   loadtest/nginx.sh                   builds Tidegate in release, and compares
#   TIDEGATE=path/to/tidegate loadtest/nginx.sh
#
# Settings, by environment: ROUNDS (5), DURATION of each (6 seconds), CONNECTIONS (64), BODY_BYTES of an answer (128),
# SERVER_CORE (0), CLIENT_CORE (1), SUBJECTS (nginx tidegate; also: jwt, floor).
#
# Servers run on one core; wrk and the backend, a second nginx, on another. Rounds alternate between the subjects, as the
# speed of a shared machine drifts. CPU time is that of the server's processes in /proc, user and system. Needs Debian's
# nginx, wrk, python3 and openssl, which are installed when they are missing. Nothing is left behind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ROUNDS=${ROUNDS:-5}
DURATION=${DURATION:-6}
CONNECTIONS=${CONNECTIONS:-64}
BODY_BYTES=${BODY_BYTES:-128}
SERVER_CORE=${SERVER_CORE:-0}
CLIENT_CORE=${CLIENT_CORE:-1}
SUBJECTS=${SUBJECTS:-nginx tidegate}

say() { printf '%s\n' "$*" >&2; }
die() { say "nginx.sh: $*"; exit 1; }

# -------------------------------------------------------------------- set up

missing=()
for tool in nginx wrk python3 openssl taskset; do
  command -v "$tool" >/dev/null || missing+=("${tool/taskset/util-linux}")
done
if [ ${#missing[@]} -gt 0 ]; then
  say "installing ${missing[*]}"
  { apt-get -qq update && apt-get -qq install --yes --no-install-recommends "${missing[@]}"; } >&2 \
    || die "install ${missing[*]}"
fi
if [ -z "${TIDEGATE:-}" ]; then
  cargo build --release --locked --bin tidegate
  TIDEGATE=${CARGO_TARGET_DIR:-target}/release/tidegate
fi
LOADTEST=${LOADTEST:-$(dirname "$TIDEGATE")/loadtest}

work=$(mktemp -d)
started=()
finish() {
  # One that has ended already has nothing to be stopped.
  for pid in "${started[@]}"; do
    if kill "$pid" 2>/dev/null; then wait "$pid" 2>/dev/null || continue; fi
  done
  rm -rf "$work"
}
trap finish EXIT

# So many ports that nobody listens on.
free_ports() {
  python3 - "$1" <<'PYTHON'
import socket, sys
sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for one in sockets:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in sockets))
PYTHON
}
read -r backend_port nginx_port tidegate_port jwt_port floor_port < <(free_ports 5)

answers() { # PORT
  for _ in $(seq 100); do
    (: > "/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
    sleep 0.1
  done
  die "nothing listens on port $1: $(tail -n 5 "$work"/*.log)"
}

start() { # CORE NAME COMMAND...
  local core=$1 name=$2
  shift 2
  taskset -c "$core" "$@" > "$work/$name.log" 2>&1 &
  started+=($!)
  pids[$name]=$!
}
declare -A pids urls

# nginx as a server of its own: one worker, no logs, nothing outside of $work.
start_nginx() { # CORE NAME PORT CONFIGURATION
  mkdir -p "$work/$2"
  cat > "$work/$2.conf" <<CONF
daemon off;
worker_processes 1;
pid $work/$2/pid;
error_log $work/$2/error.log;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path $work/$2/a; proxy_temp_path $work/$2/b; fastcgi_temp_path $work/$2/c;
  uwsgi_temp_path $work/$2/d; scgi_temp_path $work/$2/e;
  keepalive_requests 1000000000;
  default_type application/json;
  $4
}
CONF
  start "$1" "$2" nginx -p "$work/$2" -e "$work/$2/error.log" -c "$work/$2.conf"
  answers "$3"
}

base64url() { base64 -w 0 | tr '+/' '-_' | tr -d '='; }

# A key pair whose public half the backend shows as an issuer does, and a token for an hour.
issue_token() {
  local modulus input
  openssl genrsa -out "$work/key.pem" 2048 2>/dev/null
  modulus=$(openssl rsa -in "$work/key.pem" -noout -modulus 2>/dev/null | cut -d= -f2 | \
    python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' | base64url)
  keys="{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"k\",\"use\":\"sig\",\"alg\":\"RS256\",\"e\":\"AQAB\",\"n\":\"$modulus\"}]}"
  issuer="http://127.0.0.1:$backend_port"
  input=$(printf '{"alg":"RS256","kid":"k","typ":"JWT"}' | base64url)
  input+=.$(printf '{"iss":"%s","aud":"bench","sub":"u-1","scope":"read","iat":%s,"exp":%s}' \
    "$issuer" "$(date +%s)" "$(($(date +%s) + 3600))" | base64url)
  token=$input.$(printf '%s' "$input" | openssl dgst -sha256 -sign "$work/key.pem" -binary | base64url)
}

definition() { # PORT AUTHORIZATION
  cat <<YAML
server:
  listen: 127.0.0.1:$1
  admin: 127.0.0.1:0
  stateDirectory: $work/state$1
  limits: $3
apis:
  bench:
    protocolType: HTTP
    routes:
      "GET /{path+}": { target: integrations/backend$2 }
    integrations:
      backend: { integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: "http://127.0.0.1:$backend_port/{path}" }
    authorizers:
      login:
        authorizerType: JWT
        identitySource: [\$request.header.Authorization]
        jwtConfiguration: { issuer: "http://127.0.0.1:$backend_port", audience: [bench] }
    stages:
      \$default: $4
YAML
}

start_tidegate() { # NAME PORT AUTHORIZATION ACCOUNT-LIMITS STAGE
  definition "$2" "$3" "$4" "$5" > "$work/$1.yaml"
  start "$SERVER_CORE" "$1" "$TIDEGATE" serve "$work/$1.yaml"
  answers "$2"
}

issue_token
body=$(printf '%*s' "$((BODY_BYTES - 2))" '' | tr ' ' x)
start_nginx "$CLIENT_CORE" backend "$backend_port" "
  server {
    listen 127.0.0.1:$backend_port;
    location / { return 200 '\"$body\"'; }
    location = /.well-known/openid-configuration {
      return 200 '{\"issuer\":\"$issuer\",\"jwks_uri\":\"$issuer/keys\"}';
    }
    location = /keys { return 200 '$keys'; }
  }"

for subject in $SUBJECTS; do
  case $subject in
    nginx)
      start_nginx "$SERVER_CORE" nginx "$nginx_port" "
        upstream backend { server 127.0.0.1:$backend_port; keepalive 256; keepalive_requests 1000000000; }
        server {
          listen 127.0.0.1:$nginx_port;
          location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ''; }
        }"
      urls[nginx]=http://127.0.0.1:$nginx_port/users/7 ;;
    tidegate)
      start_tidegate tidegate "$tidegate_port" "" "{ requestRate: off }" "{}"
      urls[tidegate]=http://127.0.0.1:$tidegate_port/users/7 ;;
    jwt) # Token, account bucket and route bucket; neither bucket ever refuses.
      start_tidegate jwt "$jwt_port" ", authorizationType: JWT, authorizerId: login" \
        "{ requestRate: 1000000, requestBurst: 1000000 }" \
        "{ defaultRouteSettings: { throttlingRateLimit: 1000000, throttlingBurstLimit: 1000000 } }"
      urls[jwt]=http://127.0.0.1:$jwt_port/users/7 ;;
    floor) # hyper's server and its pooled client, and nothing else
      start "$SERVER_CORE" floor "$LOADTEST" floor proxy --threads 1 --listen "127.0.0.1:$floor_port" \
        --upstream "http://127.0.0.1:$backend_port"
      answers "$floor_port"
      urls[floor]=http://127.0.0.1:$floor_port/users/7 ;;
    *) die "what is $subject?" ;;
  esac
done

# ------------------------------------------------------------------- measure

# User and system time of a server and its children, in clock ticks.
ticks() { # PID
  local pid total=0
  for pid in "$1" $(cat "/proc/$1/task/$1/children"); do
    # The fields are counted behind the name, which may have blanks.
    total=$((total + $(sed 's/.*) //' "/proc/$pid/stat" | awk '{ print $12 + $13 }')))
  done
  echo "$total"
}

per_second=$(getconf CLK_TCK)

round() { # SUBJECT SECONDS → microseconds of CPU for a request, requests a second
  local before after requests
  before=$(ticks "${pids[$1]}")
  taskset -c "$CLIENT_CORE" wrk -t 1 -c "$CONNECTIONS" -d "${2}s" -H "Authorization: Bearer $token" \
    "${urls[$1]}" > "$work/wrk" 2>&1 || die "$(cat "$work/wrk")"
  after=$(ticks "${pids[$1]}")
  if grep -E 'Non-2xx|Socket errors' "$work/wrk" >&2; then die "$1 has failed; its log: $(tail -n 5 "$work/$1.log")"; fi
  requests=$(awk '/requests in/ { print $1 }' "$work/wrk")
  awk -v ticks=$((after - before)) -v requests="$requests" -v second="$per_second" -v seconds="$2" \
    'BEGIN { printf "%.3f %.0f\n", ticks / second * 1e6 / requests, requests / seconds }'
}

for subject in $SUBJECTS; do round "$subject" 2 > /dev/null; done # warms up
for number in $(seq "$ROUNDS"); do
  for subject in $SUBJECTS; do
    round "$subject" "$DURATION" | tee -a "$work/$subject.rounds" | sed "s/^/round $number, $subject: /" >&2
  done
done

median() { sort -n | awk '{ all[NR] = $1 } END { print (all[int((NR + 1) / 2)] + all[int(NR / 2) + 1]) / 2 }'; }

first=${SUBJECTS%% *}
printf '%-10s %12s %12s   %s\n' subject "CPU µs/req" "requests/s" "CPU next to $first"
for subject in $SUBJECTS; do
  cut -d' ' -f1 "$work/$subject.rounds" | median > "$work/cpu"
  cut -d' ' -f2 "$work/$subject.rounds" | median > "$work/rate"
  # Of rounds that were next to each other.
  paste -d' ' "$work/$subject.rounds" "$work/$first.rounds" | awk '{ print $1 / $3 }' | median > "$work/ratio"
  printf '%-10s %12.2f %12.0f   %.2f\n' "$subject" "$(cat "$work/cpu")" "$(cat "$work/rate")" "$(cat "$work/ratio")"
done
