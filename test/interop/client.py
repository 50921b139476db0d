"""The client side of blindsalt.v1 once more, from proto/PROTOCOL.md and proto/vectors/ alone. Python 3.9+, no packages.
To test text and server: names and passwords in ASCII, pbkdf2-sha512, no channel binding, nothing constant-time.
The password is a line of standard input. Exit status: 0 done, 2 usage, 3 the login was refused, 5 anything else.
"""
import argparse, base64, hashlib, http.client, ipaddress, json, os, re, ssl, struct, sys  # noqa: E401
from urllib.parse import urlsplit

sys.dont_write_bytecode = True  # leaves no cache beside the sources
from primitives import (  # noqa: E402
    BASE, blind, encode, finalize, len16, masking_key, randomized_password, recover, reduce, seal, sha512, sign, verify,
)

# --- Control frames (sections 4 and 5). A schema is a type, its sizes or values, and the schema of a list's items ----
def byts(low, high): return (bytes, range(low, high + 1))
def text(low, high): return (str, range(low, high + 1))
def many(count, item): return (list, range(count + 1), item)

MECHANISM = 'SCHNORR-RISTRETTO255'
UINT = (int, range(2**32))
CHALLENGE = [byts(32, 32), byts(16, 16), text(1, 32), UINT, UINT, UINT, byts(0, 255), byts(64, 64)]
SCHEMAS = {  # what a server sends; sizes as in section 5
    0: ('hello', [byts(32, 32), text(1, 253), many(8, UINT), many(8, text(1, 64)), many(8, text(1, 32)), text(1, 16),
                  many(15, UINT), byts(0, 64)]),
    1: ('error', [text(1, 32), UINT]),
    2: ('welcome', [byts(16, 16), byts(16, 16), text(1, 255), text(0, 64), UINT, UINT, many(15, text(1, 64)),
                    (bytes, (0, 32)), (bytes, (0, 64)), (bytes, (0, 16)), (bytes, (0, 32)), UINT, (bytes, (0, 64))]),
    11: ('signup-challenge', CHALLENGE),
    21: ('login-challenge', CHALLENGE),
}

FORMS = {  # the first byte, the largest value or length, the bytes that hold it (0: added to the first byte)
    int: [(0x00, 127, 0), (0xCC, 0xFF, 1), (0xCD, 0xFFFF, 2), (0xCE, 0xFFFFFFFF, 4)],
    str: [(0xA0, 31, 0), (0xD9, 0xFF, 1), (0xDA, 0xFFFF, 2)],
    bytes: [(0xC4, 0xFF, 1), (0xC5, 0xFFFF, 2)],
    list: [(0x90, 15, 0)],
}

def pack(value):
    kind, body = type(value), value.encode() if isinstance(value, str) else value
    n = value if kind is int else len(body)
    first, _, size = next(form for form in FORMS[kind] if n <= form[1])
    header = bytes([first]) + n.to_bytes(size, 'big') if size else bytes([first + n])
    return header + (b'' if kind is int else b''.join(map(pack, value)) if kind is list else body)

def unpack_field(data, at, schema):
    """One field at an offset: the value and the next offset. Lengths are checked before anything is taken."""
    kind, allowed, *item = schema
    head = data[at] if at < len(data) else 0xC1
    forms = [(f, size) for f, limit, size in FORMS[kind] if head == f and size or not size and f <= head <= f + limit]
    first, size = forms[0] if forms else (head, None)
    n, at = (int.from_bytes(data[at + 1:at + 1 + size], 'big') if size else head - first), at + 1 + (size or 0)
    if size is None or n not in allowed or kind in (str, bytes) and at + n > len(data):
        raise ValueError('bad field')
    if kind is int:
        return n, at
    if kind is list:
        items = [None] * n
        for i in range(n):
            items[i], at = unpack_field(data, at, item[0])
        return items, at
    value = data[at:at + n] if kind is bytes else data[at:at + n].decode('utf-8')  # UnicodeDecodeError is a ValueError
    if kind is str and ('\0' in value or value.startswith('\ufeff')):
        raise ValueError('bad text')
    return value, at + n

def unpack(frame):
    """A server's control frame: its name and its fields. Each field has one encoding, so packing again must agree."""
    if len(frame) < 3 or frame[0] != 0xC1 or frame[2] not in SCHEMAS:
        raise ValueError('unknown message')
    name, schemas = SCHEMAS[frame[2]]
    fields, at = [], 3
    for schema in schemas:
        value, at = unpack_field(frame, at, schema)
        fields.append(value)
    if frame != b'\xc1' + pack([frame[2]] + fields):
        raise ValueError('not the shortest encoding, wrong arity or bytes behind')
    return name, fields

# --- WebSocket over TLS (RFC 6455) -----------------------------------------------------------------------------------
class Refused(Exception):
    def __init__(self, code, close_code=None):
        super().__init__(code)
        self.code, self.close_code = code, close_code

class WebSocket:
    def __init__(self, url, ca):
        at = urlsplit(url)
        if at.scheme != 'wss' or not at.hostname:
            raise Refused('tls-required')
        host = '[%s]' % ipaddress.ip_address(at.hostname) if ':' in at.hostname else at.hostname
        self.target, self.limit = '%s:%d' % (host, at.port or 443), 4096
        context = ssl.create_default_context(cafile=ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        link = http.client.HTTPSConnection(at.hostname, at.port or 443, timeout=20, context=context)
        key = base64.b64encode(os.urandom(16)).decode()
        link.request('GET', (at.path or '/') + ('?' + at.query if at.query else ''), headers={
            'Upgrade': 'websocket', 'Connection': 'Upgrade', 'Sec-WebSocket-Key': key, 'Sec-WebSocket-Version': '13',
            'Sec-WebSocket-Protocol': 'blindsalt.v1'})
        self.sock, self.answer = link.sock, link.getresponse()
        accept = base64.b64encode(hashlib.sha1((key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').encode()).digest())
        got = [self.answer.getheader('Sec-WebSocket-' + name) for name in ('Accept', 'Protocol', 'Extensions')]
        if self.answer.status != 101 or got != [accept.decode(), 'blindsalt.v1', None]:
            raise Refused('upgrade-refused')

    def take(self, count):
        data = self.answer.fp.read(count)  # what came behind the answer's head
        if len(data) < count:
            raise Refused('connection-lost', 1006)
        return data

    def write(self, opcode, data):
        n, mask = len(data), os.urandom(4)
        size = bytes([0x80 | n]) if n < 126 else b'\xfe' + n.to_bytes(2, 'big')  # never more than 65535 bytes here
        masked = bytes(byte ^ mask[i & 3] for i, byte in enumerate(data))
        self.sock.sendall(bytes([0x80 | opcode]) + size + mask + masked)

    def read(self):
        """The next message: its opcode (1 text, 2 binary) and its bytes. Answers pings; a close is raised."""
        while True:
            first, size = self.take(2)
            opcode, n = first & 0x0F, size
            if size in (126, 127):
                n = int.from_bytes(self.take(2 if size == 126 else 8), 'big')
            # Reserved bits, a masked frame, a message in pieces, an unknown kind: nothing that a server here sends.
            limit = {1: self.limit, 2: self.limit, 8: 125, 9: 125, 10: 125}.get(opcode, -1)
            if first & 0xF0 != 0x80 or size > 127 or n > limit:
                raise Refused('websocket-error', 4480)
            data = self.take(n)
            if opcode < 3:
                return opcode, data
            if opcode == 8:
                self.write(8, data[:2])
                raise Refused(data[2:].decode() or 'closed', int.from_bytes(data[:2], 'big') or 1005)
            if opcode == 9:
                self.write(10, data)

    def close(self, code):
        """Closes, and waits for the other end to do the same."""
        try:
            self.write(8, struct.pack('>H', code))
            self.answer.fp.read()
        except OSError:
            pass  # it has gone already
        self.sock.close()

# --- The client (sections 6 to 8) ------------------------------------------------------------------------------------
def report(**line):
    print(json.dumps(line), flush=True)

class Client:
    def __init__(self, args):
        self.domain, self.username, self.frames = args.domain, args.username, b''
        self.socket = WebSocket(args.url, args.ca)

    def receive(self, expected):
        kind, frame = self.socket.read()
        if kind != 2 or frame[:1] != b'\xc1' or frame[1:2] == b'\xc1':
            raise Refused('early-frame', 4480)
        name, fields = unpack(frame)
        if name != expected:
            raise Refused(fields[0]) if name == 'error' else Refused('protocol-error', 4480)
        report(step=name)
        return frame, fields

    def record(self, frame):
        self.frames += struct.pack('>I', len(frame)) + frame
        return frame

    def signed(self, label, partial, nonce):
        """What a proof covers; without a channel binding, its type and value are empty."""
        frames = sha512(self.frames + struct.pack('>I', len(partial)) + partial)
        digest = sha512(len16(label) + len16(b'') + len16(b'') + frames)
        return len16(self.domain.encode()) + len16(self.username.encode()) + nonce + digest

    def run(self, command, password, invite):
        frame, hello = self.receive('hello')
        self.record(frame)
        if hello[1] != self.domain or 1 not in hello[2] or MECHANISM not in hello[3]:
            raise Refused('hello-unsuitable', 4480)
        domain, username = self.domain.encode(), self.username.encode()
        secret = len16(domain) + len16(username) + len16(password.encode())
        nonce, scalar = os.urandom(32), reduce(os.urandom(64))
        fields = [20, self.username, nonce, self.socket.target, '', '', [], '', b'', b'', MECHANISM]
        if command == 'signup':
            fields[0], fields[10:] = 10, [invite, ['pbkdf2-sha512']]
        self.socket.write(2, self.record(b'\xc1' + pack(fields + [blind(secret, scalar)])))
        frame, challenge = self.receive(command + '-challenge')
        server_nonce, key_id, ksf, memory, iterations, lanes, data, proof = challenge
        label, server_label = (('blindsalt.v1 %s %s' % (command, side)).encode() for side in ('client', 'server'))
        signed = self.signed(server_label, frame[:-66], server_nonce)
        self.record(frame)
        if server_nonce in (hello[0], nonce) or len(data) != (192 if command == 'login' else 64):
            raise Refused('protocol-error', 4480)
        if ksf != 'pbkdf2-sha512' or memory or lanes or not 210000 <= iterations <= 2000000:
            raise Refused('ksf-refused', 4480)
        def check_server(public, refusal):
            valid = verify(signed, public, server_label, proof)  # always done, whatever else is wrong
            if not valid or refusal or sha512(len16(b'blindsalt.v1 server key id') + public)[:16] != key_id:
                raise Refused(refusal or 'server-proof-invalid', 4480)
        if command == 'signup':
            check_server(data[32:], None)
        oprf_output = finalize(secret, scalar, data[:32])
        rwd = randomized_password(oprf_output, hashlib.pbkdf2_hmac('sha512', oprf_output, bytes(16), iterations, 64))
        if command == 'signup':
            private, public, envelope = seal(rwd, os.urandom(32), data[32:], domain, username)
            partial = b'\xc1\x93\x0c' + pack(public + masking_key(rwd) + envelope)
        else:
            private, server_key = recover(rwd, data, domain, username) or (None, encode(BASE))
            check_server(server_key, None if private else 'login-failed')
            partial = b'\xc1\x92\x16'
        self.socket.write(2, partial + pack(sign(self.signed(label, partial, server_nonce), private, label)))
        _, welcome = self.receive('welcome')
        if welcome[2] != self.username or welcome[3]:  # no application subprotocol was asked for
            raise Refused('protocol-error', 4480)
        self.socket.limit = 2**20
        report(result='welcome', username=welcome[2], userId=welcome[1].hex())

    def echo(self, sent):
        self.socket.write(1, sent.encode())
        kind, data = self.socket.read()
        if kind == 2 and data[:1] == b'\xc1' and data[1:2] != b'\xc1':
            raise Refused(unpack(data)[1][0])
        report(result='message', text=data.decode() if kind == 1 else data[data[:2] == b'\xc1\xc1':].hex())

def main():
    parser = argparse.ArgumentParser(description='blindsalt.v1 client for interoperability tests (ASCII names only)')
    parser.add_argument('command', choices=('signup', 'login'))
    parser.add_argument('--url', required=True)
    for name, default in (('ca', None), ('domain', None), ('username', ''), ('invite', ''), ('send', None)):
        parser.add_argument('--' + name, default=default)
    args = parser.parse_args()
    args.domain = (args.domain or urlsplit(args.url).hostname or '').lower()
    password = sys.stdin.readline().rstrip('\n')
    client = None
    try:
        shortest = 8 if args.command == 'signup' else 1
        if not re.fullmatch('[!-@[-~]{1,64}', args.username) or not re.fullmatch('[ -~]{%d,4096}' % shortest, password):
            raise Refused('credentials-invalid')
        client = Client(args)
        client.run(args.command, password, args.invite)
        if args.send is not None:
            client.echo(args.send)
        client.socket.close(1000)
        return 0
    except (OSError, ValueError, http.client.HTTPException, Refused) as error:
        if not isinstance(error, Refused):
            error = Refused('protocol-error', 4480) if isinstance(error, ValueError) else Refused('connection-failed')
        if client:
            client.socket.close(error.close_code or 1000)
        report(result='error', code=error.code, closeCode=error.close_code)
        return 3 if error.code == 'login-failed' else 5

if __name__ == '__main__':
    sys.exit(main())
