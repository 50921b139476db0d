"""The cryptography of blindsalt.v1's client, in Python integers. For tests only: nothing here is constant-time."""
import hashlib, hmac, os, struct  # noqa: E401

# --- ristretto255 (RFC 9496). Points are extended Edwards coordinates (X, Y, Z, T); scalars are integers. -----------
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
IDENTITY = (0, 1, 1, 0)

def fabs(x):  # the non-negative, that is even, one of x and -x
    return P - x if x & 1 else x

def sqrt_ratio_m1(u, v):
    r = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    check = v * r * r % P
    if check in (-u % P, -u * SQRT_M1 % P):
        return check == -u % P, fabs(r * SQRT_M1 % P)
    return check == u % P, fabs(r)

SQRT_AD_MINUS_ONE = P - sqrt_ratio_m1((-D - 1) % P, 1)[1]  # RFC 9496 has the odd root here, the even one below
INVSQRT_A_MINUS_D = sqrt_ratio_m1(1, (-1 - D) % P)[1]

def decode(data):
    s = int.from_bytes(data, 'little')
    if len(data) != 32 or s >= P or s & 1:
        raise ValueError('not a canonical ristretto255 encoding')
    u1, u2 = (1 - s * s) % P, (1 + s * s) % P
    v = (-D * u1 * u1 - u2 * u2) % P
    square, i = sqrt_ratio_m1(1, v * u2 * u2 % P)
    x = fabs(2 * s * i * u2 % P)
    y = u1 * i * i * u2 * v % P
    if not square or x * y % P & 1 or y == 0 or s == 0:  # s = 0: the identity, never allowed from a peer (section 2)
        raise ValueError('not a ristretto255 element')
    return (x, y, 1, x * y % P)

def encode(p):
    x, y, z, t = p
    u1, u2 = (z + y) * (z - y) % P, x * y % P
    i = sqrt_ratio_m1(1, u1 * u2 * u2 % P)[1]
    d1, d2 = i * u1 % P, i * u2 % P
    z_inv, den = d1 * d2 * t % P, d2
    if t * z_inv % P & 1:
        x, y, den = y * SQRT_M1 % P, x * SQRT_M1 % P, d1 * INVSQRT_A_MINUS_D % P
    if x * z_inv % P & 1:
        y = -y
    return fabs(den * (z - y) % P).to_bytes(32, 'little')

def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = 2 * D * p[3] * q[3], 2 * p[2] * q[2]
    e, f, g, h = (b - a) % P, (d - c) % P, (d + c) % P, (b + a) % P
    return (e * f % P, g * h % P, f * g % P, e * h % P)

def multiply(k, p):
    out = IDENTITY
    for bit in bin(k % L)[2:]:
        out = add(out, out)
        out = add(out, p) if bit == '1' else out
    return out

def elligator(data):  # MAP of RFC 9496, section 4.3.4
    t = int.from_bytes(data, 'little') % 2**255 % P
    r = SQRT_M1 * t * t % P
    u, v = (r + 1) * (1 - D * D) % P, (-1 - r * D) * (r + D) % P
    square, s = sqrt_ratio_m1(u, v)
    c = -1 if square else r
    s = s if square else -fabs(s * t % P)
    n = (c * (r - 1) * (D - 1) ** 2 - v) % P
    w0, w1, w2, w3 = 2 * s * v, n * SQRT_AD_MINUS_ONE, 1 - s * s, 1 + s * s
    return (w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P)

BASE = decode(bytes.fromhex('e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76'))

# --- Hashing and the OPRF (RFC 9380, RFC 9497, RFC 5869) -------------------------------------------------------------
def sha512(data): return hashlib.sha512(data).digest()
def mac(key, data): return hmac.new(key, data, hashlib.sha512).digest()
def len16(data): return struct.pack('>H', len(data)) + data
def reduce(data): return int.from_bytes(data, 'little') % L

def expand(message, dst):  # expand_message_xmd of RFC 9380 for 64 bytes, which are one block
    dst += bytes([len(dst)])
    return sha512(sha512(bytes(128) + message + b'\0\x40\0' + dst) + b'\1' + dst)

CONTEXT = b'OPRFV1-\0-ristretto255-SHA512'

def one_way_map(u):  # RFC 9496, section 4.3.4
    return add(elligator(u[:32]), elligator(u[32:]))

def derive_key_pair(seed, info):  # RFC 9497, section 3.2.1
    inputs = (seed + len16(info) + bytes([counter]) for counter in range(256))
    key = next(filter(None, (reduce(expand(data, b'DeriveKeyPair' + CONTEXT)) for data in inputs)))
    return key, encode(multiply(key, BASE))

def blind(data, scalar):
    return encode(multiply(scalar, one_way_map(expand(data, b'HashToGroup-' + CONTEXT))))

def finalize(data, scalar, evaluated):
    unblinded = encode(multiply(pow(scalar, -1, L), decode(evaluated)))
    return sha512(len16(data) + len16(unblinded) + b'Finalize')

def hkdf_expand(key, info, length):
    out = block = b''
    while len(out) < length:
        block = mac(key, block + info + bytes([len(out) // 64 + 1]))
        out += block
    return out[:length]

# --- Schnorr signatures (section 2.4) --------------------------------------------------------------------------------
SCHNORR = b'blindsalt.v1-SCHNORR-RISTRETTO255-SHA512'

def sign(message, key, context):
    public = encode(multiply(key, BASE))
    secret = key.to_bytes(32, 'little') + os.urandom(32)
    k = reduce(sha512(len16(SCHNORR + b'-nonce') + len16(context) + secret + public + message))
    if k == 0:
        raise ValueError('nonce is zero')
    r = encode(multiply(k, BASE))
    c = reduce(sha512(len16(SCHNORR) + len16(context) + r + public + message))
    return r + ((k + c * key) % L).to_bytes(32, 'little')

def verify(message, public, context, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], 'little')
    try:
        big_r, a = decode(r), decode(public)
    except ValueError:
        return False
    c = reduce(sha512(len16(SCHNORR) + len16(context) + r + public + message))
    return len(signature) == 64 and s < L and encode(multiply(s, BASE)) == encode(add(big_r, multiply(c, a)))

# --- Envelope (RFC 9807, section 4) ----------------------------------------------------------------------------------
def randomized_password(oprf_output, stretched): return mac(b'', oprf_output + stretched)
def masking_key(rwd): return hkdf_expand(rwd, b'MaskingKey', 64)

def seal(rwd, nonce, server_key, domain, username):
    """The client's private and public key, and the envelope: nonce 32, tag 64."""
    auth_key = hkdf_expand(rwd, nonce + b'AuthKey', 64)
    private, public = derive_key_pair(hkdf_expand(rwd, nonce + b'PrivateKey', 32), b'OPAQUE-DeriveDiffieHellmanKeyPair')
    return private, public, nonce + mac(auth_key, nonce + server_key + len16(domain) + len16(username))

def recover(rwd, response, domain, username):
    """The client's private key and the server's public key from a CredentialResponse; None if it does not open."""
    pad = hkdf_expand(masking_key(rwd), response[32:64] + b'CredentialResponsePad', 128)
    clear = bytes(x ^ y for x, y in zip(response[64:], pad))
    private, _, envelope = seal(rwd, clear[32:64], clear[:32], domain, username)
    return (private, clear[:32]) if hmac.compare_digest(envelope, clear[32:]) else None
