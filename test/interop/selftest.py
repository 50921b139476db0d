"""Checks the client against test vectors, of the RFCs and proto/vectors/, without a server."""
import hashlib
import json
import os
import struct
import sys

sys.dont_write_bytecode = True  # leaves no cache beside the sources
from client import SCHEMAS, pack, unpack  # noqa: E402
from primitives import (  # noqa: E402
    BASE, L, add, blind, decode, derive_key_pair, encode, finalize, len16, mac, masking_key, multiply, one_way_map,
    randomized_password, recover, reduce, seal, sha512, sign, verify,
)


def selftest(vectors):
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


# --- proto/vectors/ --------------------------------------------------------------------------------------------------
VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../proto/vectors')
h = bytes.fromhex


def project_vectors():
    """Everything in them that the client has code for. Returns how many things were compared."""
    files = {name: json.load(open(os.path.join(VECTORS, name + '.json')))
             for name in ('argon2id', 'pbkdf2', 'session', 'frames', 'signatures')}
    return (sum(map(frame_case, files['frames']['cases'])) + sum(map(signature_case, files['signatures']['cases']))
            + sum(transcript(files[name], c) for name in ('argon2id', 'pbkdf2', 'session') for c in files[name]['connections']))


def frame_case(case):
    frame = h(case['frame'])
    if case['from'] == 'client' or case['valid'] and frame[2] not in SCHEMAS:
        return 0  # a message that this client only sends, or does not know
    if not case['valid']:
        rejects(unpack, frame)
    else:
        assert unpack(frame)[1], case['name']
    return 1


def signature_case(case):
    message, public, signature = h(case['message']), h(case['publicKey']), h(case['signature'])
    assert verify(message, public, case['context'].encode(), signature) == case['valid'], case['name']
    return 1


def transcript(file, connection):
    """Each frame of a connection: key derivation, envelope, transcript, proofs."""
    domain, username = file['domain'].encode(), file['username'].encode()
    binding = len16(connection['binding']['type'].encode()) + len16(h(connection['binding']['value']))
    frames, values, count, welcomed = b'', {}, 0, False
    for step in connection['steps']:
        frame, got = h(step['frame']), {name: h(value) for name, value in step['values'].items()}
        values.update(got)
        if 'exchangeHead' in got:  # an exchange after welcome has a transcript of its own
            frames = struct.pack('>I', 80) + got['exchangeHead']
        if 'blindedElement' in got:
            assert got['oprfInput'] == len16(domain) + len16(username) + len16(got['password'])
            assert blind(got['oprfInput'], reduce(got['blind'])) == got['blindedElement']
        if 'oprfOutput' in got:
            output = finalize(values['oprfInput'], reduce(values['blind']), values['evaluatedElement'])
            stretched = got['stretched']
            if file['name'] != 'argon2id':  # which Python does not have
                stretched = hashlib.pbkdf2_hmac('sha512', output, bytes(16), 210000, 64)
            rwd = randomized_password(output, stretched)
            assert (output, stretched, rwd) == tuple(got[n] for n in ('oprfOutput', 'stretched', 'randomizedPassword'))
            private, public, envelope = seal(rwd, got['envelopeNonce'], h(file['server']['publicKey']), domain, username)
            assert (private.to_bytes(32, 'little'), public) == (got['clientPrivateKey'], got['clientPublicKey'])
            assert (envelope, masking_key(rwd)) == (got['envelope'], got['maskingKey'])
        for proof in step['proofs']:
            label, partial = proof['label'].encode(), h(proof.get('partial', ''))
            assert frame.startswith(partial)
            entry = struct.pack('>I', len(partial)) + partial if partial else b''
            digest = sha512(len16(label) + binding + sha512(frames + entry))
            assert digest == h(proof['transcriptHash'])
            if 'mac' in proof:
                assert mac(h(proof['key']), h(proof.get('message', '')) or digest) == h(proof['mac'])
            else:
                assert h(proof['message']).startswith(len16(domain) + len16(username))
                assert h(proof['message']).endswith(digest)
                assert verify(h(proof['message']), h(proof['publicKey']), label, h(proof['signature']))
            count += 1
        if frame[2] in SCHEMAS:
            assert unpack(frame)[0] == step['message']
        if not welcomed or 'exchangeHead' in values:
            frames += struct.pack('>I', len(frame)) + frame
        welcomed |= step['message'] == 'welcome'
        count += 1
    return count


if __name__ == '__main__':  # the argument: RFC 9807's vectors as a JSON file, or none
    print(json.dumps({'opaqueVectors': selftest(sys.argv[1] if len(sys.argv) > 1 else None), 'compared': project_vectors()}))
