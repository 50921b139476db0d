"""Checks the arithmetic and the encodings against test vectors of the RFCs, without a server."""
import json

from client import pack, unpack
from primitives import (
    BASE, L, add, blind, decode, derive_key_pair, encode, finalize, masking_key, multiply, one_way_map,
    randomized_password, recover, reduce, seal, sha512, sign, verify,
)


def selftest(vectors):
    h = bytes.fromhex
    # RFC 9496, A.1 and A.3
    assert encode(add(BASE, BASE)) == h('6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919')
    assert encode(multiply(L - 1, BASE)) == encode(add(multiply(L - 3, BASE), multiply(2, BASE)))
    u = sha512(b'Ristretto is traditionally a short shot of espresso coffee')
    mapped = encode(one_way_map(u))
    assert mapped == h('3066f82a1a747d45120d1740f14358531a8f04bbffe6a819f86dfe50f44a0a46')
    # RFC 9497, A.1.1.1
    scalar = reduce(h('64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706'))
    blinded = blind(h('00'), scalar)
    assert blinded == h('609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c')
    evaluated = h('7ec6578ae5120958eb2db1745758ff379e77cb64fe77b0b2d8cc917ea0869c7e')
    assert finalize(h('00'), scalar, evaluated)[:16] == h('527759c3d9366f277d8c6020418d96bb')
    private, public = derive_key_pair(bytes(32), b'selftest')
    signature = sign(b'message', private, b'context')
    assert verify(b'message', public, b'context', signature) and not verify(b'Message', public, b'context', signature)
    assert not verify(b'message', public, b'kontext', signature)
    assert not verify(b'message', public, b'context', bytes(64))
    assert not verify(b'message', public, b'context', signature[:63] + bytes([signature[63] | 0x80]))
    for bad in (bytes(32), b'\xff' * 32, b'\1' + bytes(31), b'\2' + bytes(31)):  # identity, large, negative, no square
        rejects(decode, bad)
    good = b'\xc1' + pack([1, 'login-failed', 300])
    assert unpack(good) == ('error', ['login-failed', 300])
    for bad in (
        good + b'\0', good[:-1], b'\xc1\x93\x01\xd9\x01a\0', b'\xc1\x92\x01\xa1a', b'\xc1\x93\x01\xa1a\xcc\x7f',
        b'\xc1\x93\x01\xa1\xff\0', b'\xc1\x93\x01\xa1\0\0', b'\xc1\x93\x0a\xa1a\0', b'\xc1\x93\x01\xa0\0',
    ):
        rejects(unpack, bad)
    return sum(opaque_vector(v) for v in json.load(open(vectors)) if v['config']['Fake'] == 'False') if vectors else 0


def rejects(function, bad):
    try:
        function(bad)
    except ValueError:
        return
    raise AssertionError('accepted %s' % bad.hex())


def opaque_vector(vector):  # RFC 9807, appendix C.1, as JSON; its KSF is the identity function
    parts = (vector[part] for part in ('inputs', 'intermediates', 'outputs'))
    i, m, o = ({name: bytes.fromhex(value) for name, value in part.items()} for part in parts)
    password, response, ke2 = i['password'], o['registration_response'], o['KE2']
    assert blind(password, reduce(i['blind_registration'])) == o['registration_request']
    output = finalize(password, reduce(i['blind_registration']), response[:32])
    rwd = randomized_password(output, output)
    assert rwd == m['randomized_password']
    names = i.get('server_identity', response[32:]), i.get('client_identity', m['client_public_key'])
    private, public, envelope = seal(rwd, i['envelope_nonce'], response[32:], *names)
    assert public + masking_key(rwd) + envelope == o['registration_upload']
    output = finalize(password, reduce(i['blind_login']), ke2[:32])
    rwd = randomized_password(output, output)
    assert recover(rwd, ke2[:192], *names) == (private, response[32:])
    assert recover(sha512(rwd), ke2[:192], *names) is None
    return 1
