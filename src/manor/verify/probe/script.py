"""The programs that run inside probe pods: passed to `python3 -c`, so they use the standard library
alone.

They are strings, not modules: the image need not hold Manor.
"""

TCP_PORT = 8080
UDP_PORT = 8081
WITNESS_PORT = 8082
PYTHON = ("python3", "-I", "-c")
"""Isolated: neither the environment nor a folder of the user's has a say in what runs."""

SERVER = f"""
import http.server, os, socket, threading

MOST = 100_000
seen = set()

def note(nonce):
    if len(seen) >= MOST:
        os._exit(1)  # whoever floods it ends it, and that is noticed
    seen.add(nonce)

class Handler(http.server.BaseHTTPRequestHandler):
    timeout = 10

    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        note(self.path[1:65])
        self.answer(os.environ["PROBE"])

    def log_message(self, *args):
        pass

class Witness(Handler):
    def do_GET(self):
        self.answer("received" if self.path[1:] in seen else "nothing")

def echo():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", {UDP_PORT}))
    while True:
        data, peer = sock.recvfrom(2048)
        note(data[:64].decode(errors="replace"))
        sock.sendto(data, peer)

threading.Thread(target=echo, daemon=True).start()
witness = http.server.ThreadingHTTPServer(("127.0.0.1", {WITNESS_PORT}), Witness)
threading.Thread(target=witness.serve_forever, daemon=True).start()
http.server.ThreadingHTTPServer(("", {TCP_PORT}), Handler).serve_forever()
"""
"""Answers HTTP and UDP with what its environment says it is; tells who asks inside its pod which
nonces it received."""

CLIENT = """
import concurrent.futures, contextlib, errno, json, socket, ssl, struct, sys, time

WAIT = 3.0

def families(host):
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]

def tcp(target):
    family, _, _, _, address = families(target["host"])
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(WAIT)
        sock.connect((address[0], target["port"], *address[2:]))
        if target["kind"] == "tcp":
            if target["nonce"]:
                sock.sendall(f"GET /{target['nonce']} HTTP/1.0\\r\\n\\r\\n".encode())
                with contextlib.suppress(OSError):
                    sock.recv(4096)
            return "connected"
        if target["kind"] == "https":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            sock = context.wrap_socket(sock)
        headers = {"Host": target["host"], **target["headers"], "Connection": "close"}
        head = "".join(f"{k}: {v}\\r\\n" for k, v in headers.items())
        sock.sendall(f"GET {target['path']} HTTP/1.1\\r\\n{head}\\r\\n".encode())
        data = b""
        while len(data) < 4096:
            part = sock.recv(4096)
            if not part:
                break
            data += part
        return data.decode(errors="replace")[:2000]

def udp(target):
    family, _, _, _, address = families(target["host"])
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(WAIT / 2)
        sock.connect((address[0], target["port"], *address[2:]))
        payload = target["nonce"].encode() or bytes.fromhex(target["send"])
        for _ in range(2):
            sock.send(payload)
            try:
                return f"{len(sock.recv(2048))} bytes came back"
            except TimeoutError:
                pass
        raise TimeoutError()

def icmp(target):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as sock:
        sock.settimeout(WAIT / 2)
        head = struct.pack("!BBHHH", 8, 0, 0, 0, 1)
        total = sum(struct.unpack("!4H", head))
        packet = struct.pack("!BBHHH", 8, 0, ~total & 0xFFFF, 0, 1)
        for _ in range(2):
            sock.sendto(packet, (target["host"], 0))
            try:
                return f"echo reply of {len(sock.recv(512))} bytes"
            except TimeoutError:
                pass
        raise TimeoutError()

def resolve(target):
    return families(target["host"])[4][0]

KINDS = {"tcp": tcp, "http": tcp, "https": tcp, "udp": udp, "icmp": icmp, "resolve": resolve}

def probe(target):
    begun = time.monotonic()
    try:
        outcome, detail = "reached", KINDS[target["kind"]](target)
    except socket.gaierror as error:
        outcome, detail = "unresolved", str(error)
    except TimeoutError:
        outcome, detail = "timeout", "no answer"
    except OSError as error:
        known = {errno.ECONNREFUSED: "refused", errno.EPERM: "forbidden", errno.EACCES: "forbidden"}
        outcome, detail = known.get(error.errno, "unreachable"), str(error)
    return {"outcome": outcome, "detail": detail, "seconds": round(time.monotonic() - begun, 2)}

targets = json.loads(sys.argv[1])
with concurrent.futures.ThreadPoolExecutor(64) as pool:
    print(json.dumps(list(pool.map(probe, targets))))
"""
"""Tries every target of its argument at once, and prints what came of each as JSON."""
